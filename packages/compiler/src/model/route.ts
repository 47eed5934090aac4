import type { ServiceId } from './names.ts';

/** Where some calls of a service go. How they go (deadline, retries, callers) stays the contract's. */
export interface Route {
  /** The resource that says so, for `why`. */
  readonly origin: string;
  readonly match: RouteMatch;
  /** Shares of the calls; at least one with a weight above 0. */
  readonly targets: readonly WeightedTarget[];
}

/** All that is given must hold. */
export interface RouteMatch {
  readonly path?: StringMatch;
  readonly verb?: string;
  readonly headers?: readonly HeaderMatch[];
}

export interface HeaderMatch {
  readonly name: string;
  /** Absent: the header is there. */
  readonly value?: StringMatch;
  readonly invert?: boolean;
}

export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly regex: string };

/** A service, and what share of the calls it gets. */
export interface WeightedTarget {
  readonly service: ServiceId;
  readonly weight: number;
  /** Only replicas of this contract version. */
  readonly contractHash?: string;
}
