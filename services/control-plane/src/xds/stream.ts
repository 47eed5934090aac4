import { type ChangedNames, type TypeUrl, typeUrls, type View } from '@weft/compiler/envoy/resource';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { type Answer, takeAnswer } from './answer.ts';
import { beginDelta, resubscribeDelta } from './delta.ts';
import { flush, oweAwaited, settleAwaited } from './order.ts';
import { beginSotw, resubscribeSotw, resumeSotw } from './sotw.ts';
import type { StreamEffect, StreamEvent, StreamState } from './stream-state.ts';
import { type SubscriptionChange, type Watch, wholeTypes, wildcardName } from './watch.ts';

const served: ReadonlySet<string> = new Set(Object.values(typeUrls));
/** Types that are not served, as far as they are told of. */
const maxUnknownTypes = 8;
const maxTypeChars = 200;
const maxVersionChars = 64;
const nothing: readonly StreamEffect[] = [];

/**
 * Advances a stream by one event, and returns what is to be done about it. No clock, no I/O. It promises the order clusters,
 * endpoints, secrets, listeners, routes, then the removal of stale clusters; see order.ts.
 */
export function step(state: StreamState, event: StreamEvent): readonly StreamEffect[] {
  if (state.closed) return nothing;
  switch (event.kind) {
    case 'changed':
      note(state, event.view, event.names);
      return nothing;
    case 'push':
      return flushed(state);
    case 'blocked':
      state.blocked = true;
      return nothing;
    case 'drained':
      state.blocked = false;
      return flushed(state);
    case 'waited':
      state.awaited.clear();
      state.waited = true;
      return flushed(state, false);
    case 'closed':
      state.closed = true;
      return nothing;
    default:
      return receive(state, event);
  }
}

function flushed(state: StreamState, inOrder = true): readonly StreamEffect[] {
  const effects: StreamEffect[] = [];
  flush(state, effects, inOrder);
  return effects;
}

/** Notes what may have to be sent of a view that has changed. */
function note(state: StreamState, view: View | undefined, names: ChangedNames): void {
  const wasKnown = state.view !== undefined;
  state.view = view;
  if (view === undefined) return;
  if (names === 'everything' || !wasKnown) {
    for (const watch of state.watches.values()) watch.considerAll(view.names(watch.typeUrl));
  } else for (const [typeUrl, changed] of names) state.watches.get(typeUrl)?.consider(changed);
}

type RequestEvent = Extract<StreamEvent, { request: unknown }>;

function receive(state: StreamState, event: RequestEvent): readonly StreamEffect[] {
  const effects: StreamEffect[] = [];
  if (!state.identified) {
    const { node } = event.request;
    if (!node) return end(state, 'invalidArgument', 'the first message of a stream must have a node');
    if (node.id !== state.workload)
      return end(state, 'permissionDenied', `node ${node.id} is not ${state.workload}, to whom the token was given`);
    effects.push({ kind: 'identified', envoyVersion: versionOf(node) });
    state.identified = true;
  }
  const { typeUrl } = event.request;
  if (!isServed(typeUrl)) {
    const { unknownTypes } = state;
    const shown = typeUrl.slice(0, maxTypeChars);
    if (unknownTypes.size < maxUnknownTypes && !unknownTypes.has(shown)) {
      unknownTypes.add(shown);
      effects.push({ kind: 'unknown type', typeUrl: shown });
    }
    return effects;
  }
  const watch = state.watches.get(typeUrl);
  if (watch === undefined) begin(state, typeUrl, event);
  // In state of the world a request that has not seen the newest response says nothing; in delta its subscriptions count.
  else if (event.kind === 'delta request' || event.request.responseNonce === watch.lastNonce)
    proceed(state, watch, event, effects);
  const excess = outsideOf(state, typeUrl, event) ?? unanswered(state, typeUrl);
  if (excess !== undefined) return [...effects, ...end(state, 'resourceExhausted', excess)];
  flush(state, effects);
  return effects;
}

/** Notes which of the names that a request is about are not in the view; why they are too many, undefined: they are not. */
function outsideOf(state: StreamState, typeUrl: TypeUrl, event: RequestEvent): string | undefined {
  const { outside, view } = state;
  if (event.kind === 'sotw request') {
    const subscription = state.watches.get(typeUrl)?.subscription;
    // Nearly every request repeats the list of the one before it.
    if (subscription === undefined || state.counted.has(subscription)) return undefined;
    state.counted.add(subscription);
    outside.retain(typeUrl, subscription.names);
    return outside.add(typeUrl, subscription.names, view);
  }
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe, initialResourceVersions } = event.request;
  outside.delete(typeUrl, resourceNamesUnsubscribe);
  const held = Object.keys(initialResourceVersions);
  if (subscribe.length === 0 && held.length === 0) return undefined;
  return outside.add(typeUrl, [...subscribe.filter((name) => name !== wildcardName), ...held], view);
}

function unanswered({ watches, limits }: StreamState, typeUrl: TypeUrl): string | undefined {
  const count = watches.get(typeUrl)?.outstanding.length ?? 0;
  if (count <= limits.maxUnanswered) return undefined;
  return `${count} responses of one type without an answer must be at most ${limits.maxUnanswered}`;
}

/** Takes the first request of a type. */
function begin(state: StreamState, typeUrl: TypeUrl, event: RequestEvent): void {
  const { view } = state;
  const watch =
    event.kind === 'delta request' ? beginDelta(typeUrl, event.request, view) : beginSotw(typeUrl, event.request);
  if (view !== undefined) {
    watch.considerAll(view.names(typeUrl));
    if (event.kind === 'sotw request') {
      const offers = [...watch.knownNames()].flatMap((name) => state.offer(watch, name) ?? []);
      resumeSotw(watch, event.request.versionInfo, offers);
    }
  }
  if (typeUrl === typeUrls.endpoints) oweAwaited(watch, state.awaited);
  state.watches.set(typeUrl, watch);
}

/** Takes a later request of a type: an answer, another subscription, or both. */
function proceed(state: StreamState, watch: Watch, event: RequestEvent, effects: StreamEffect[]): void {
  const { typeUrl } = watch;
  const { responseNonce, errorDetail } = event.request;
  const canSendAlone = state.variant === 'delta' || !wholeTypes.has(typeUrl);
  const answer = takeAnswer(watch, responseNonce, errorDetail?.message, canSendAlone);
  if (answer !== undefined) {
    effects.push(effectOf(watch, answer));
    settleAwaited(state, typeUrl, answer);
  }
  const change: SubscriptionChange =
    event.kind === 'delta request' ? resubscribeDelta(watch, event.request) : resubscribeSotw(watch, event.request);
  if (change === 'everything') watch.considerAll(state.names(watch));
  if (change !== 'none' && typeUrl === typeUrls.endpoints) oweAwaited(watch, state.awaited);
}

function effectOf(watch: Watch, answer: Answer): StreamEffect {
  const { typeUrl } = watch;
  if (answer.kind === 'refused') return { kind: 'refused', typeUrl, refusal: answer.refusal };
  const { nonce, version } = answer.response;
  const complete = watch.refused.size === 0;
  return { kind: 'acked', typeUrl, nonce, version: complete ? (watch.ackedVersion ?? version) : version, complete };
}

function end(
  state: StreamState,
  code: Extract<StreamEffect, { kind: 'end' }>['code'],
  message: string,
): readonly StreamEffect[] {
  state.closed = true;
  return [{ kind: 'end', code, message }];
}

function isServed(typeUrl: string): typeUrl is TypeUrl {
  return served.has(typeUrl);
}

function versionOf(node: NonNullable<DiscoveryRequest['node']>): string {
  const { userAgentVersionType: agent } = node;
  if (agent.case === 'userAgentVersion') return agent.value.slice(0, maxVersionChars);
  const version = agent.value?.version;
  return version ? `${version.majorNumber}.${version.minorNumber}.${version.patch}` : '';
}
