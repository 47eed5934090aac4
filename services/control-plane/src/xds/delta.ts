import type { TypeUrl, View } from '@weft/compiler/envoy/resource';
import { type Compose, type Draft, noNames } from './compose.ts';
import type { DeltaRequest } from './delta-request.ts';
import { type Offer, sharedName } from './offer.ts';
import { type SubscriptionChange, Watch, wholeTypes, wildcardName } from './watch.ts';

/** What a client's first request of a type on a stream asks for, and what it says that it holds. */
export function beginDelta(typeUrl: TypeUrl, request: DeltaRequest, view: View | undefined): Watch {
  const names = request.resourceNamesSubscribe.map((name) => sharedName(view, typeUrl, name));
  const implicit = names.length === 0 && wholeTypes.has(typeUrl);
  const wildcard = implicit || names.includes(wildcardName);
  const subscription = { wildcard, implicit, names: new Set(names.filter((name) => name !== wildcardName)) };
  return new Watch(typeUrl, subscription, request.initialResourceVersions);
}

/** Applies a later request's changes of subscription. They count whatever its nonce says. */
export function resubscribeDelta(watch: Watch, request: DeltaRequest): SubscriptionChange {
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = request;
  if (subscribe.length === 0 && unsubscribe.length === 0) return 'none';
  const { wildcard: before, names } = watch.subscription;
  if (unsubscribe.length > 0) {
    const wildcard = before && !unsubscribe.includes(wildcardName);
    for (const name of unsubscribe) names.delete(name);
    watch.narrow({ wildcard, implicit: false, names }, wildcard === before ? unsubscribe : watch.knownNames());
    // Still wanted by `*`: the client has dropped it and waits for a word on it.
    if (wildcard) watch.owe(unsubscribe);
  }
  if (subscribe.length === 0) return 'names';
  const everything = subscribe.includes(wildcardName);
  const named = everything ? subscribe.filter((name) => name !== wildcardName) : subscribe;
  const { wildcard } = watch.subscription;
  for (const name of named) names.add(name);
  watch.subscription = { wildcard: wildcard || everything, implicit: false, names };
  watch.owe(named);
  if (everything) watch.answerOwed = true;
  return everything && !wildcard ? 'everything' : 'names';
}

/**
 * What to send now of one type. A name that is in a response under way waits for its answer, every other name does not.
 * A resource that is gone is removed only when `removals` says so, unless the client has just asked for it.
 */
export const composeDelta: Compose = (watch, offers, removals) => {
  const { due, pending, underWay, held } = watch;
  const together: Offer[] = [];
  let alone: Offer[] | undefined;
  let removed: string[] | undefined;
  for (const name of due) {
    pending.delete(name);
    if (underWay.has(name)) continue;
    due.delete(name);
    const offer = offers.offer(watch, name);
    if (offer !== undefined) {
      if (watch.alone.has(name) && watch.refused.get(name) === offer.version) {
        alone ??= [];
        alone.push(offer);
      } else together.push(offer);
    } else {
      removed ??= [];
      removed.push(name);
    }
  }
  for (const name of pending) {
    if (underWay.has(name)) continue;
    const offer = offers.offer(watch, name);
    const holds = held.get(name);
    // It is gone, and the client holds it until all that needs it is gone too.
    if (offer === undefined && holds !== undefined && !removals) continue;
    pending.delete(name);
    if (offer === undefined) {
      if (holds === undefined) continue;
      removed ??= [];
      removed.push(name);
    } else if (holds?.version !== offer.version) together.push(offer);
    else held.set(offer.name, offer);
  }
  const drafts: Draft[] = [];
  if (together.length > 0 || removed !== undefined || (watch.answerOwed && alone === undefined)) {
    drafts.push({ resources: together, news: together, removed: removed ?? noNames });
  }
  for (const offer of alone ?? []) drafts.push({ resources: [offer], news: [offer], removed: noNames });
  return drafts;
};
