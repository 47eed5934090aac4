import { type ConnectionLimits, defaultConnectionLimits } from './connection-limits.ts';

/**
 * The limits of one connection or call.
 *
 * Reading one message takes at most 4 x maxMessageBytes (received, inflated, as text) and 512 B x maxElements (the objects made of it).
 */
export interface Limits extends ConnectionLimits {
  /** The largest message of a request, after decompression. Larger: RESOURCE_EXHAUSTED. Default: 4 MiB, as in other gRPC servers. */
  readonly maxMessageBytes: number;
  /** How many times its size a message may inflate to when that is above 256 KiB. More: RESOURCE_EXHAUSTED. Default: 100. */
  readonly maxInflateRatio: number;
  /**
   * Fields, list elements and map entries of a request's message, at all depths, unknown fields included. Eight packed numbers count as
   * one. More: RESOURCE_EXHAUSTED, before any object is made. Default: 65,536; an entry of a map is two.
   */
  readonly maxElements: number;
  /** How deep the messages of a request may be nested. Deeper: INVALID_ARGUMENT. Default: 100, as in other protobuf decoders. */
  readonly maxDepth: number;
  /**
   * What the CEL rules of a contract may cost for one message, in steps; see rule-cost.ts. More: RESOURCE_EXHAUSTED, before any rule
   * runs. Default: 200,000.
   */
  readonly maxRuleCost: number;
  /**
   * What the end of a call may take: metadata, message and details, by the HTTP/2 count (name + value + 32 B each). What does not fit is
   * cut, and the message says so. Default: 7 KiB, which leaves proxies room in the 8 KiB that many gRPC clients accept.
   */
  readonly maxStatusBytes: number;
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
  maxInflateRatio: 100,
  maxElements: 64 * 1024,
  maxDepth: 100,
  maxRuleCost: 200_000,
  maxStatusBytes: 7 * 1024,
  maxConcurrentStreams: 4_096,
  maxHeaderBytes: 60 * 1024,
  maxHeaders: 128,
};
