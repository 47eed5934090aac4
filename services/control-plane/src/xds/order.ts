import { type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { Answer } from './answer.ts';
import type { Draft } from './compose.ts';
import { composeDelta } from './delta.ts';
import { endpointsNameOf } from './endpoints-name.ts';
import type { Offer } from './offer.ts';
import { composeSotw } from './sotw.ts';
import type { StreamEffect, StreamState } from './stream-state.ts';
import type { Watch } from './watch.ts';

/**
 * The order in which one client is told of a change:
 *
 * 1. clusters that are new or changed, then endpoints, then secrets; none of these waits for anything but its own last answer;
 * 2. listeners, then routes, once the client has answered all of those and was given the endpoints of its new clusters:
 *    Envoy does not wait for a route's cluster to be ready;
 * 3. the removal of clusters, then of endpoints, once the client has taken the listeners and routes that no longer need them.
 */
const first = [typeUrls.cluster, typeUrls.endpoints, typeUrls.secret] as const;
const second = [typeUrls.listener, typeUrls.route] as const;

/** Sends whatever is owed and may be sent now. `inOrder` false: listeners and routes do not wait this once. */
export function flush(state: StreamState, effects: StreamEffect[], inOrder = true): void {
  if (state.view === undefined || state.blocked || owesNothing(state)) return;
  for (const typeUrl of first) deliver(state, typeUrl, typeUrl === typeUrls.secret, effects);
  if (!inOrder || clustersReady(state)) for (const typeUrl of second) deliver(state, typeUrl, true, effects);
  if (!unusedForgotten(state)) return;
  deliver(state, typeUrls.cluster, true, effects);
  if (state.watches.get(typeUrls.cluster)?.settled ?? true) deliver(state, typeUrls.endpoints, true, effects);
}

/** Whether the client has been told of all that there is: so it is after nearly every answer. */
export function owesNothing({ watches }: StreamState): boolean {
  for (const watch of watches.values()) if (watch.owes) return false;
  return true;
}

/** Whether something is held back for the client to act first; if that lasts, 'waited' should be sent to the stream. */
export function isWaiting(state: StreamState): boolean {
  const { view, blocked, watches } = state;
  if (view === undefined || blocked || owesNothing(state)) return false;
  const owed = (typeUrl: TypeUrl) => watches.get(typeUrl)?.owes ?? false;
  if (second.some(owed) && !clustersReady(state)) return true;
  return !state.waited && first.some(owed) && second.some((typeUrl) => !watches.has(typeUrl));
}

/** Owes a client the endpoints that its clusters wait for and that were not sent since, if it has asked for them. */
export function oweAwaited(watch: Watch, awaited: StreamState['awaited']): void {
  for (const [name, nonce] of awaited) if (nonce === '' && watch.covers(name)) watch.due.add(name);
}

/**
 * Takes what a client's answer settles off `awaited`: the endpoints that it has now, and those of clusters that it refused.
 */
export function settleAwaited({ awaited }: StreamState, typeUrl: TypeUrl, answer: Answer): void {
  if (awaited.size === 0) return;
  if (typeUrl === typeUrls.endpoints) {
    for (const [name, nonce] of awaited) if (nonce === answer.response.nonce) awaited.delete(name);
  } else if (typeUrl === typeUrls.cluster && answer.kind === 'refused') {
    for (const { name, resource } of answer.response.resources) {
      const endpoints = endpointsNameOf(resource);
      if (endpoints !== undefined && answer.refusal.names.includes(name)) awaited.delete(endpoints);
    }
  }
}

/** Whether the client can take calls on all clusters that it was sent, as far as that lies with the control plane. */
function clustersReady({ view, watches, awaited }: StreamState): boolean {
  if ((watches.get(typeUrls.cluster)?.outstanding.length ?? 0) > 0) return false;
  if (!watches.has(typeUrls.endpoints)) return true;
  for (const name of awaited.keys()) if (view?.get(typeUrls.endpoints, name) !== undefined) return false;
  return true;
}

/**
 * Whether nothing that the client uses can still need a cluster that is gone. On a new stream it names its clusters before it
 * asks for listeners and routes, which may still be old ones.
 */
function unusedForgotten({ waited, watches }: StreamState): boolean {
  return second.every((typeUrl) => watches.get(typeUrl)?.settled ?? waited);
}

/** Sends what is owed of one type. */
function deliver(state: StreamState, typeUrl: TypeUrl, removals: boolean, effects: StreamEffect[]): void {
  const watch = state.watches.get(typeUrl);
  if (watch === undefined || !watch.owes) return;
  const compose = state.variant === 'delta' ? composeDelta : composeSotw(typeUrl);
  for (const draft of compose(watch, state, removals)) {
    const updates = typeUrl === typeUrls.listener && draft.news.some(({ name }) => watch.held.has(name));
    const nonce = send(state, watch, draft, effects);
    if (typeUrl === typeUrls.cluster) awaitEndpoints(state, draft.news);
    else if (typeUrl === typeUrls.endpoints) gaveEndpoints(state, draft, nonce);
    else if (updates) resendRoutes(state);
  }
}

function send(state: StreamState, watch: Watch, draft: Draft, effects: StreamEffect[]): string {
  const { resources, removed, replaces } = draft;
  const { typeUrl, held } = watch;
  if (replaces) {
    const names = new Set(resources.map(({ name }) => name));
    for (const name of held.names()) if (!names.has(name)) held.delete(name);
  }
  for (const name of removed) held.delete(name);
  for (const offer of resources) held.set(offer.name, offer);
  state.nonce++;
  const response = { typeUrl, nonce: String(state.nonce), version: held.version, resources, removed };
  watch.sent(response);
  effects.push({ kind: 'send', response });
  return response.nonce;
}

/** Clusters that were sent wait for their endpoints, changed or not. */
function awaitEndpoints({ awaited, watches }: StreamState, clusters: readonly Offer[]): void {
  const watch = watches.get(typeUrls.endpoints);
  for (const { resource } of clusters) {
    const name = endpointsNameOf(resource);
    if (name === undefined) continue;
    awaited.set(name, '');
    if (watch?.covers(name)) watch.due.add(name);
  }
}

function gaveEndpoints({ awaited }: StreamState, { resources, removed }: Draft, nonce: string): void {
  if (awaited.size === 0) return;
  for (const { name } of resources) if (awaited.has(name)) awaited.set(name, nonce);
  for (const name of removed) awaited.delete(name);
}

/** A changed listener waits for its routes, changed or not. */
function resendRoutes({ watches }: StreamState): void {
  const routes = watches.get(typeUrls.route);
  routes?.owe(routes.held.names());
}
