import { type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { type Answer, takeAnswer } from './answer.ts';
import { beginDelta, resubscribeDelta } from './delta.ts';
import { offerOf } from './offer.ts';
import { expectedNames, flush, stillAwaited } from './order.ts';
import { beginSotw, resubscribeSotw, resumeSotw } from './sotw.ts';
import type { Step, StreamEffect, StreamEvent, StreamState, Unfinished } from './stream-state.ts';
import { type Watch, wholeTypes, withDue } from './watch.ts';

const served: ReadonlySet<string> = new Set(Object.values(typeUrls));

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
