/** What one connection may cost a server: time, memory and frames. Times are seen to once a second. */
export interface ConnectionLimits {
  /** Connections at once. One more takes the place of the one that has been idle longest, or is closed where none is idle. Default: 4,096. */
  readonly maxConnections: number;
  /** From the first byte of a request of HTTP/1.1 to the end of its headers, and for a new connection to say its protocol. Default: 10 s. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a message of a request to its last; for a request of one message, to the end of the request. Default: 60 s. */
  readonly messageTimeoutMs: number;
  /** A connection of HTTP/2 without calls ends after this. Calls keep it, however long they say nothing. Default: 5 min. */
  readonly idleTimeoutMs: number;
  /** A connection of HTTP/2 that has been silent for so long is asked by PING whether its peer is there. Default: 60 s. */
  readonly silenceMs: number;
  /** How long the peer may take to answer the PING. Default: 20 s. */
  readonly pingTimeoutMs: number;
  /** An answer of which the caller takes nothing for so long is given up. Default: 5 min, and 5 s while the connection's bytes are half used up. */
  readonly stalledAnswerMs: number;
  /** Bytes of one connection that wait: requests not yet complete or read, and answers not yet sent. Default: 64 MiB. */
  readonly maxConnectionBytes: number;
  /** The same of all connections. Default: 256 MiB. */
  readonly maxWaitingBytes: number;
  /**
   * Calls that a connection may reset at once, and again each second. A sidecar's connection carries the hang-ups of all callers, strangers
   * at the edge among them, and closing it would end the calls of all. Default: 50,000 and 50,000, which is more than a process can take in.
   */
  readonly resets: Budget;
  /** PING frames. Default: 10,000 and 1,000: some clients measure each round trip. */
  readonly pings: Budget;
  /** SETTINGS frames. Default: 100 and 10. */
  readonly settings: Budget;
  /** Bytes of frames that carry no call: WINDOW_UPDATE, PRIORITY, padding, unknown ones. Default: 4 MiB and 1 MiB. */
  readonly idleBytes: Budget;
}

/** So many at once, and so many more each second. */
export interface Budget {
  readonly burst: number;
  readonly perSecond: number;
}

export const defaultConnectionLimits: ConnectionLimits = {
  maxConnections: 4_096,
  headersTimeoutMs: 10_000,
  messageTimeoutMs: 60_000,
  idleTimeoutMs: 300_000,
  silenceMs: 60_000,
  pingTimeoutMs: 20_000,
  stalledAnswerMs: 300_000,
  maxConnectionBytes: 64 * 1024 * 1024,
  maxWaitingBytes: 256 * 1024 * 1024,
  resets: { burst: 50_000, perSecond: 50_000 },
  pings: { burst: 10_000, perSecond: 1_000 },
  settings: { burst: 100, perSecond: 10 },
  idleBytes: { burst: 4 * 1024 * 1024, perSecond: 1024 * 1024 },
};

/** What is left of a budget. */
export class Allowance {
  readonly #budget: Budget;
  #left: number;
  #at = performance.now();

  constructor(budget: Budget) {
    this.#budget = budget;
    this.#left = budget.burst;
  }

  /** Takes `amount`. False: the budget is used up. */
  take(amount = 1): boolean {
    const now = performance.now();
    const { burst, perSecond } = this.#budget;
    this.#left = Math.min(burst, this.#left + ((now - this.#at) / 1_000) * perSecond) - amount;
    this.#at = now;
    return this.#left >= 0;
  }
}
