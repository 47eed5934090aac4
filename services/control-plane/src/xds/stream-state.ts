import type { Snapshot, TypeUrl } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { DeltaRequest } from './delta-request.ts';
import type { Offer } from './offer.ts';
import type { Refusal, Watch } from './watch.ts';

/** One ADS stream: pure state, advanced by `step`. Immutable; parts that did not change are shared. */
export interface StreamState {
  readonly variant: 'delta' | 'sotw';
  /** Who the client proved to be. */
  readonly workload: WorkloadId;
  /** The first message, with the node, has come. */
  readonly identified: boolean;
  /** What the client should hold; undefined: not known yet, and nothing is sent. */
  readonly snapshot: Snapshot | undefined;
  readonly watches: ReadonlyMap<TypeUrl, Watch>;
  /** Endpoints that clusters sent on this stream (and the one before) wait for: the nonce that they were then sent under, or empty. */
  readonly awaited: ReadonlyMap<string, string>;
  /** The client has had its time to ask for listeners and routes; that it did not means that it never will. */
  readonly waited: boolean;
  /** How many responses were sent; the newest one's nonce. */
  readonly nonce: number;
  /** The transport takes no more for now. What is owed is kept as one merged push. */
  readonly blocked: boolean;
  readonly closed: boolean;
}

/** What happens to a stream. */
export type StreamEvent =
  | { readonly kind: 'delta request'; readonly request: DeltaRequest }
  | { readonly kind: 'sotw request'; readonly request: DiscoveryRequest }
  | { readonly kind: 'snapshot'; readonly snapshot: Snapshot }
  /** The transport is full; 'drained' follows. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'drained' }
  /** `isWaiting` held for long enough: the client does not follow the usual order. */
  | { readonly kind: 'waited' }
  | { readonly kind: 'closed' };

/** One response to send. */
export interface XdsResponse {
  readonly typeUrl: TypeUrl;
  /** Unique on the stream. */
  readonly nonce: string;
  /** Of everything of the type that the client holds once it has taken this. */
  readonly version: string;
  /** No two of the same name. */
  readonly resources: readonly Offer[];
  /** Delta only. */
  readonly removed: readonly string[];
}

/** What the caller of `step` has to do or to record, in order. */
export type StreamEffect =
  | { readonly kind: 'send'; readonly response: XdsResponse }
  | {
      readonly kind: 'acked';
      readonly typeUrl: TypeUrl;
      readonly nonce: string;
      readonly version: string;
      readonly complete: boolean;
    }
  | { readonly kind: 'refused'; readonly typeUrl: TypeUrl; readonly refusal: Refusal }
  /** The first message has come. */
  | { readonly kind: 'identified'; readonly envoyVersion: string }
  /** The client asked for a type that is not served; it is never answered. */
  | { readonly kind: 'unknown type'; readonly typeUrl: string }
  /** The client broke the protocol: end the stream. */
  | { readonly kind: 'end'; readonly code: 'invalidArgument' | 'permissionDenied'; readonly message: string };

/** The outcome of an event. */
export interface Step {
  readonly state: StreamState;
  readonly effects: readonly StreamEffect[];
}

/** Of a stream that ended, what the next one of the same client must know: clusters that may still wait for their endpoints. */
export type Unfinished = Pick<StreamState, 'awaited'>;
