import type { WorkloadId } from './names.ts';

/** A door of the mesh: a proxy that serves exposed methods to callers outside. */
export interface Gateway {
  /** Its caller name in contracts: "edge". */
  readonly name: string;
  readonly workloads: readonly WorkloadId[];
  /** Answers gRPC reflection, from exposed methods only. Default: false, because it tells strangers what there is. */
  readonly reflection: boolean;
  /** The most that all headers of a request may take together. Default: 60 KiB. */
  readonly maxHeaderBytes: number;
  /** The most headers that a request may have. Default: 100. */
  readonly maxHeaders: number;
  /** The largest unary request. Default: 4 MiB. */
  readonly maxMessageBytes: number;
  /** Origins that browsers may call from; empty: none but its own. One that ends with `:*` stands for every port. */
  readonly corsOrigins: readonly string[];
  /** Proxies in front of it that append to x-forwarded-for, such as an ALB: 1. Default: 0. */
  readonly trustedHops: number;
}
