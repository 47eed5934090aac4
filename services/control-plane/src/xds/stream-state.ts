import { type ChangedNames, type TypeUrl, typeUrls, type View } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { Offers } from './compose.ts';
import type { DeltaRequest } from './delta-request.ts';
import { HeldClusters } from './held-resources.ts';
import { defaultXdsLimits, type XdsLimits } from './limits.ts';
import { type Offer, offerOf } from './offer.ts';
import { OutsideNames } from './outside-names.ts';
import type { Outstanding, Refusal, Subscription, Watch } from './watch.ts';

/** One ADS stream. Only `step` changes it. */
export class StreamState implements Offers {
  readonly variant: 'delta' | 'sotw';
  /** Who the client proved to be. */
  readonly workload: WorkloadId;
  /** The first message, with the node, has come. */
  identified = false;
  /** What the client should hold; undefined: not known, and nothing is sent. */
  view: View | undefined;
  readonly watches = new Map<TypeUrl, Watch>();
  readonly limits: XdsLimits;
  /** What it wants and its view does not have. */
  readonly outside: OutsideNames;
  /** Subscriptions whose names were counted already. */
  readonly counted = new WeakSet<Subscription>();
  /** Types that it has asked for and that are not served. */
  readonly unknownTypes = new Set<string>();
  /** Endpoints that clusters sent on this stream (and the one before) wait for: the nonce that they were then sent under, or empty. */
  readonly awaited = new Map<string, string>();
  /** The client has had its time to ask for listeners and routes; that it did not means that it never will. */
  waited = false;
  /** How many responses were sent; the newest one's nonce. */
  nonce = 0;
  /** The transport takes no more for now. What is owed is kept as one merged push. */
  blocked = false;
  closed = false;

  /** A stream before its first message. */
  constructor(
    variant: StreamState['variant'],
    workload: WorkloadId,
    before?: Unfinished,
    limits: XdsLimits = defaultXdsLimits,
  ) {
    this.variant = variant;
    this.workload = workload;
    this.limits = limits;
    this.outside = new OutsideNames(limits);
    for (const name of before?.awaited.keys() ?? []) this.awaited.set(name, '');
  }

  offer({ typeUrl }: Watch, name: string): Offer | undefined {
    if (this.view === undefined) return undefined;
    const clusters = typeUrl === typeUrls.endpoints ? this.watches.get(typeUrls.cluster)?.held : undefined;
    return offerOf(this.view, typeUrl, name, clusters instanceof HeldClusters ? clusters : undefined);
  }

  names({ typeUrl }: Watch): Iterable<string> {
    return this.view?.names(typeUrl) ?? [];
  }
}

/** What happens to a stream. */
export type StreamEvent =
  | { readonly kind: 'delta request'; readonly request: DeltaRequest }
  | { readonly kind: 'sotw request'; readonly request: DiscoveryRequest }
  /**
   * The view shows other resources under these names. Sends nothing: 'push' follows. Because the view is live, this must reach the
   * stream before any other event does.
   */
  | { readonly kind: 'changed'; readonly view: View | undefined; readonly names: ChangedNames }
  /** It is the stream's turn to be told of changes. */
  | { readonly kind: 'push' }
  /** The transport is full; 'drained' follows. */
  | { readonly kind: 'blocked' }
  | { readonly kind: 'drained' }
  /** `isWaiting` held for long enough: the client does not follow the usual order. */
  | { readonly kind: 'waited' }
  | { readonly kind: 'closed' };

/** One response to send. The nonce is unique on the stream; no two resources have the same name; `removed` is for delta only. */
export interface XdsResponse extends Outstanding {
  readonly typeUrl: TypeUrl;
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
  /** The client asked for a type that is not served, for the first time; it is never answered. */
  | { readonly kind: 'unknown type'; readonly typeUrl: string }
  /** The client broke the protocol, or went over a budget: end the stream. */
  | {
      readonly kind: 'end';
      readonly code: 'invalidArgument' | 'permissionDenied' | 'resourceExhausted';
      readonly message: string;
    };

/** Of a stream that ended, what the next one of the same client must know: clusters that may still wait for their endpoints. */
export interface Unfinished {
  readonly awaited: ReadonlyMap<string, string>;
}
