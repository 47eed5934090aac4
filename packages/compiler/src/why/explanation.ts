import type { ProxySync } from '../model/proxy-sync.ts';
import type { ResourceRef } from '../model/resource-ref.ts';

/** What becomes of one call and why. */
export interface Explanation {
  /** The mesh lets it through to a replica that takes calls. */
  readonly allowed: boolean;
  /** A name in the question is nobody's. Default: false. */
  readonly isUnknown?: boolean;
  /** One sentence; of a call that is refused, that of the refusal. */
  readonly verdict: string;
  /** What would have to change; of calls that are refused. */
  readonly advice?: string;
  /** The part of a contract that would have to change. The advice then ends with its file. */
  readonly adviceElement?: ContractElement;
  /** The way of the call, in order. */
  readonly steps: readonly Step[];
}

/** One station of a call. */
export interface Step {
  readonly name: 'caller' | 'listener' | 'route' | 'policy' | 'cluster' | 'endpoints' | 'certificates' | 'callee';
  readonly summary: string;
  readonly values: readonly Value[];
}

/** Something that holds, and where it comes from. */
export interface Value extends Source {
  readonly name: string;
  readonly value: string;
  /** Of a proxy: how far it has taken what it was sent. */
  readonly proxySync?: ProxySync;
}

/** Where a value comes from. */
export interface Source {
  /** The option and file that say so, or "default". */
  readonly source?: string;
  /** The part of a contract that says so. The source then ends with its file. */
  readonly element?: ContractElement;
  /** The resource that says so. */
  readonly resource?: ResourceRef;
}

/** A service or method of a contract, or the options of one. */
export interface ContractElement {
  readonly contractHash: string;
  /** "bakery/orders/v1/orders.proto". */
  readonly file: string;
  /** From 1; absent: the contract travels without positions. */
  readonly line?: number;
  /** "bakery.orders.v1.OrderService". */
  readonly service: string;
  /** "PlaceOrder"; absent: the service itself. */
  readonly method?: string;
  /** The options of weft.policy.v1 are meant, and not the element as a whole. */
  readonly isOption: boolean;
}
