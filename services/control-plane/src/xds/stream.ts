import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { WorkloadId } from '../model/mesh.ts';
import { type Answer, takeAnswer } from './answer.ts';
import { beginDelta, resubscribeDelta } from './delta.ts';
import type { DeltaRequest } from './delta-request.ts';
import { type Offer, offerOf } from './offer.ts';
import { expectedNames, flush, stillAwaited } from './order.ts';
import { type Snapshot, type TypeUrl, typeUrls } from './resource.ts';
import { beginSotw, resubscribeSotw, resumeSotw } from './sotw.ts';
import { type Refusal, type Watch, wholeTypes, withDue } from './watch.ts';

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

const served: ReadonlySet<string> = new Set(Object.values(typeUrls));

/** Of a stream that ended, what the next one of the same client must know: clusters that may still wait for their endpoints. */
export type Unfinished = Pick<StreamState, 'awaited'>;

/** A stream before its first message. */
export function newStream(variant: StreamState['variant'], workload: WorkloadId, before?: Unfinished): StreamState {
  return {
    variant,
    workload,
    identified: false,
    snapshot: undefined,
    watches: new Map(),
    awaited: new Map([...(before?.awaited.keys() ?? [])].map((name) => [name, ''])),
    waited: false,
    nonce: 0,
    blocked: false,
    closed: false,
  };
}

/**
 * Advances a stream by one event. Pure: no clock, no I/O. It promises the order clusters, endpoints, secrets, listeners, routes,
 * then the removal of stale clusters; see order.ts.
 */
export function step(state: StreamState, event: StreamEvent): Step {
  if (state.closed) return { state, effects: [] };
  switch (event.kind) {
    case 'snapshot':
      return state.snapshot === event.snapshot
        ? { state, effects: [] }
        : flush({ ...state, snapshot: event.snapshot }, []);
    case 'blocked':
      return { state: { ...state, blocked: true }, effects: [] };
    case 'drained':
      return flush({ ...state, blocked: false }, []);
    case 'waited':
      return flush({ ...state, awaited: new Map(), waited: true }, [], { inOrder: false });
    case 'closed':
      return { state: { ...state, closed: true }, effects: [] };
    default:
      return receive(state, event);
  }
}

type RequestEvent = Extract<StreamEvent, { request: unknown }>;

function receive(state: StreamState, event: RequestEvent): Step {
  const effects: StreamEffect[] = [];
  if (!state.identified) {
    const { node } = event.request;
    if (!node) return end(state, 'invalidArgument', 'the first message of a stream must have a node');
    if (node.id !== state.workload)
      return end(state, 'permissionDenied', `node ${node.id} is not ${state.workload}, to whom the token was given`);
    effects.push({ kind: 'identified', envoyVersion: versionOf(node) });
  }
  const identified = { ...state, identified: true };
  const { typeUrl } = event.request;
  if (!isServed(typeUrl)) {
    return { state: identified, effects: [...effects, { kind: 'unknown type', typeUrl }] };
  }
  const before = state.watches.get(typeUrl);
  let awaited = state.awaited;
  let watch: Watch;
  if (before === undefined) watch = begin(state, typeUrl, event);
  // In state of the world a request that has not seen the newest response says nothing; in delta its subscriptions count.
  else if (event.kind === 'sotw request' && event.request.responseNonce !== before.lastNonce) watch = before;
  else {
    const answered = takeAnswer(before, typeUrl, event.request.responseNonce, event.request.errorDetail?.message, {
      canSendAlone: state.variant === 'delta' || !wholeTypes.has(typeUrl),
    });
    effects.push(...effectsOf(typeUrl, answered.watch, answered.answer));
    awaited = stillAwaited(awaited, typeUrl, answered.answer);
    watch =
      event.kind === 'delta request'
        ? resubscribeDelta(answered.watch, event.request)
        : resubscribeSotw(answered.watch, event.request);
  }
  if (typeUrl === typeUrls.endpoints && before?.subscription !== watch.subscription) {
    watch = withDue(watch, expectedNames(watch, awaited));
  }
  return flush({ ...identified, awaited, watches: new Map(state.watches).set(typeUrl, watch) }, effects);
}

function begin(state: StreamState, typeUrl: TypeUrl, event: RequestEvent): Watch {
  if (event.kind === 'delta request') return beginDelta(typeUrl, event.request);
  const watch = beginSotw(typeUrl, event.request);
  const { snapshot } = state;
  if (snapshot === undefined) return watch;
  const { wildcard, names } = watch.subscription;
  const wanted = new Set([...(wildcard ? (snapshot.get(typeUrl)?.keys() ?? []) : []), ...names]);
  const clusters = state.watches.get(typeUrls.cluster)?.held;
  const offers = [...wanted].flatMap((name) => offerOf(snapshot, typeUrl, name, clusters) ?? []);
  return resumeSotw(watch, event.request.versionInfo, offers);
}

function effectsOf(typeUrl: TypeUrl, watch: Watch, answer: Answer): StreamEffect[] {
  if (answer.kind === 'stale') return [];
  if (answer.kind === 'refused') return [{ kind: 'refused', typeUrl, refusal: answer.refusal }];
  const { nonce, version } = answer.response;
  const complete = watch.refused.size === 0;
  return [{ kind: 'acked', typeUrl, nonce, version: complete ? (watch.ackedVersion ?? version) : version, complete }];
}

function end(state: StreamState, code: 'invalidArgument' | 'permissionDenied', message: string): Step {
  return { state: { ...state, closed: true }, effects: [{ kind: 'end', code, message }] };
}

function isServed(typeUrl: string): typeUrl is TypeUrl {
  return served.has(typeUrl);
}

function versionOf(node: NonNullable<DiscoveryRequest['node']>): string {
  const { userAgentVersionType: agent } = node;
  if (agent.case === 'userAgentVersion') return agent.value;
  const version = agent.value?.version;
  return version ? `${version.majorNumber}.${version.minorNumber}.${version.patch}` : '';
}
