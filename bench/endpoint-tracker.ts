/** An endpoint that came to a client or went, and when the client wrote its acknowledgement, in milliseconds since the epoch. */
export interface EndpointEvents {
  /** The clients, by their place in the arrays below. */
  readonly nodes: readonly string[];
  /** By "+10.99.0.1" for an endpoint that came, "-10.99.0.1" for one that went. */
  readonly events: ReadonlyMap<string, EndpointTimes>;
}

/** Who acknowledged an endpoint, and when. */
export interface EndpointTimes {
  readonly clients: readonly number[];
  readonly at: readonly number[];
}

interface Expectation {
  readonly event: string;
  readonly left: Set<string>;
  readonly at: number[];
  readonly frames: Map<string, Uint8Array>;
  readonly done: () => void;
}

/** What a change of one endpoint came to: when each client acknowledged it, and the response that brought it, by node. */
export interface ExpectedEndpoint {
  readonly at: readonly number[];
  readonly frames: ReadonlyMap<string, Uint8Array>;
}

/** The name of an event. */
export function endpointEvent(address: string, present: boolean): string {
  return `${present ? '+' : '-'}${address}`;
}

/** Follows which endpoints the clients of a group have acknowledged. */
export class EndpointTracker {
  readonly #nodes: readonly string[];
  readonly #index: ReadonlyMap<string, number>;
  #recorded: Map<string, { clients: number[]; at: number[] }> | undefined;
  #expected: Expectation | undefined;

  constructor(nodes: readonly string[]) {
    this.#nodes = nodes;
    this.#index = new Map(nodes.map((node, index) => [node, index]));
  }

  /** Takes what a response changed at a client that has just acknowledged it. */
  take(node: string, event: string, framed: Uint8Array, atMs: number): void {
    if (this.#recorded) {
      const times = this.#recorded.get(event) ?? { clients: [], at: [] };
      this.#recorded.set(event, times);
      times.clients.push(this.#index.get(node) ?? -1);
      times.at.push(atMs);
    }
    const expected = this.#expected;
    if (expected?.event !== event || !expected.left.delete(node)) return;
    expected.at.push(atMs);
    expected.frames.set(node, framed);
    if (expected.left.size === 0) expected.done();
  }

  /** Resolves when every client has acknowledged the event. */
  async expect(event: string): Promise<ExpectedEndpoint> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const expected = { event, left: new Set(this.#nodes), at: [], frames: new Map(), done: resolve };
    this.#expected = expected;
    await promise;
    this.#expected = undefined;
    return expected;
  }

  /** Gives what was recorded since the last call, and records on; the first call begins it. */
  drain(): EndpointEvents {
    const events = this.#recorded ?? new Map();
    this.#recorded = new Map();
    return { nodes: this.#nodes, events };
  }
}
