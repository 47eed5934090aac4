import type { Rate } from '../budget/token-bucket.ts';

/** What callers of the control plane may take of it. */
export interface XdsLimits {
  /** The largest request of a proxy, in bytes. Default: 4 MiB. */
  readonly maxRequestBytes: number;
  /** Names in one request of a proxy: subscribed, unsubscribed and held from before. Default: 100,000. */
  readonly maxNamesPerRequest: number;
  /** The longest name of a resource, in bytes. Default: 1 KiB. */
  readonly maxNameBytes: number;
  /** Names that a stream subscribes to and its proxy's view does not have, all types together. Default: 10,000. */
  readonly maxOutsideNames: number;
  /** The length of those names together, in characters. Default: 1 Mi. */
  readonly maxOutsideChars: number;
  /** Responses of one type that a proxy has not answered. Default: 10,000. */
  readonly maxUnanswered: number;
  /**
   * The work that a workload may cause with its streams, in bytes of requests: each request counts for at least 256, one that refuses
   * its configuration for 64 KiB, and the opening of a stream for 512 KiB. Default: 16 MiB at once, 1 MiB a second.
   */
  readonly work: Rate;
  /** Calls under way of one workload, over all of its connections. Default: 1,024. */
  readonly maxCallsPerWorkload: number;
  /** Connections of one workload. Default: 16. */
  readonly maxConnectionsPerWorkload: number;
  /** How long a connection has to show a valid token, from its TCP handshake, in milliseconds. Default: 10 s. */
  readonly authenticateWithinMs: number;
  /** Connections without a valid token, from one address other than loopback. Default: 64. */
  readonly maxNewcomersPerAddress: number;
  /** Connections without a valid token, all together. Default: 2,048. */
  readonly maxNewcomers: number;
  /** Calls without a valid token on one connection, before it is closed. Default: 16. */
  readonly maxRefusedCalls: number;
  /** How long a proxy may leave what it was sent unread before its stream ends, in milliseconds. Default: 60 s. */
  readonly stalledMs: number;
}

export const defaultXdsLimits: XdsLimits = {
  maxRequestBytes: 4 << 20,
  maxNamesPerRequest: 100_000,
  maxNameBytes: 1 << 10,
  maxOutsideNames: 10_000,
  maxOutsideChars: 1 << 20,
  maxUnanswered: 10_000,
  work: { perSecond: 1 << 20, burst: 16 << 20 },
  maxCallsPerWorkload: 1024,
  maxConnectionsPerWorkload: 16,
  authenticateWithinMs: 10_000,
  maxNewcomersPerAddress: 64,
  maxNewcomers: 2048,
  maxRefusedCalls: 16,
  stalledMs: 60_000,
};
