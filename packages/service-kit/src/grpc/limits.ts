import { type ConnectionLimits, defaultConnectionLimits } from './connection-limits.ts';

/** What one connection or call may take of a server. */
export interface Limits extends ConnectionLimits {
  /** The largest message of a request, after decompression. Larger: RESOURCE_EXHAUSTED. Default: 4 MiB, as in other gRPC servers. */
  readonly maxMessageBytes: number;
  /** Calls at once on one connection; the peer holds back more. Default: 4,096. */
  readonly maxConcurrentStreams: number;
  /** All header names and values of a request. Default: 60 KiB, as Envoy. */
  readonly maxHeaderBytes: number;
  /** Headers of a request, pseudo headers included. Default: 128. */
  readonly maxHeaders: number;
}

export const defaultLimits: Limits = {
  ...defaultConnectionLimits,
  maxMessageBytes: 4 * 1024 * 1024,
  maxConcurrentStreams: 4_096,
  maxHeaderBytes: 60 * 1024,
  maxHeaders: 128,
};
