/** What a change of contracts or manifests changes, and for whom. Lists are in order; all empty: nothing changes. */
export interface MeshDiff {
  readonly calls: readonly CallDiff[];
  /** What holds for all calls of a service or gateway, or to a destination outside, or for all of the mesh. */
  readonly destinations: readonly DestinationDiff[];
}

/** Changes that some callers of one method see alike. */
export interface CallDiff {
  /** Logical names; empty: nobody may call, before or after. */
  readonly callers: readonly string[];
  /** "bakery.orders.v1.OrderService/PlaceOrder". */
  readonly method: string;
  /** Whose method it is: a logical name, or "namespace/name" where several services have it or there is no contract. */
  readonly service: string;
  readonly changes: readonly Change[];
}

/** Changes of one service or gateway. */
export interface DestinationDiff {
  /** "bakery.orders", "gateway edge", "external service bakery/bank", "the whole mesh". */
  readonly name: string;
  readonly changes: readonly Change[];
}

export type ChangeKind =
  | 'allowed'
  | 'denied'
  | 'method added'
  | 'method removed'
  | 'retry begins'
  | 'retry ends'
  | 'retry'
  | 'deadline'
  | 'try timeout'
  | 'max duration'
  | 'idle timeout'
  | 'hedge'
  | 'rate limit'
  | 'shadow'
  | 'faults'
  | 'mirror'
  | 'REST added'
  | 'REST removed'
  | 'may be repeated'
  | 'objective'
  | 'who may call'
  | 'retry budget'
  | 'requests at once'
  | 'calls in the access log'
  | 'routes'
  | 'gateway'
  | 'external service'
  | 'settings';

/** One thing that changes. */
export interface Change {
  readonly kind: ChangeKind;
  /** In words; "none" where there was or will be no such thing. */
  readonly before?: string;
  readonly after?: string;
  /** The whole of it in one line. */
  readonly text: string;
}
