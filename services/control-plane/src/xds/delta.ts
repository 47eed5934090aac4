import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { Compose, Draft } from './compose.ts';
import type { DeltaRequest } from './delta-request.ts';
import type { Offer } from './offer.ts';
import { covers, narrow, newWatch, type Watch, wholeTypes, wildcardName, withDue } from './watch.ts';

/** What a client's first request of a type on a stream asks for, and what it says that it holds. */
export function beginDelta(typeUrl: TypeUrl, request: DeltaRequest): Watch {
  const names = request.resourceNamesSubscribe;
  const implicit = names.length === 0 && wholeTypes.has(typeUrl);
  const wildcard = implicit || names.includes(wildcardName);
  return newWatch(
    { wildcard, implicit, names: new Set(names.filter((name) => name !== wildcardName)) },
    request.initialResourceVersions,
  );
}

/** Applies a later request's changes of subscription. They count whatever its nonce says. */
export function resubscribeDelta(watch: Watch, request: DeltaRequest): Watch {
  const { resourceNamesSubscribe: subscribe, resourceNamesUnsubscribe: unsubscribe } = request;
  if (subscribe.length === 0 && unsubscribe.length === 0) return watch;
  let next = watch;
  if (unsubscribe.length > 0) {
    const names = new Set(watch.subscription.names);
    for (const name of unsubscribe) names.delete(name);
    const wildcard = watch.subscription.wildcard && !unsubscribe.includes(wildcardName);
    next = narrow(next, { wildcard, implicit: false, names });
    // Still wanted by `*`: the client has dropped it and waits for a word on it.
    if (wildcard) next = withDue(next, unsubscribe);
  }
  if (subscribe.length > 0) {
    const named = subscribe.filter((name) => name !== wildcardName);
    const everything = subscribe.includes(wildcardName);
    const { wildcard, names } = next.subscription;
    next = withDue(
      {
        ...next,
        subscription: { wildcard: wildcard || everything, implicit: false, names: new Set([...names, ...named]) },
      },
      named,
    );
    if (everything) next = { ...next, answerOwed: true, ...(wildcard ? {} : { part: undefined }) };
  }
  return next;
}

/**
 * What to send now of one type. A name that is in a response under way waits for its answer, every other name does not.
 * A resource that is gone is removed only when `removals` says so, unless the client has just asked for it.
 */
export const composeDelta: Compose = (watch, offerFor, removals) => {
  const underWay = new Set<string>();
  for (const { resources, removed } of watch.outstanding) {
    for (const { name } of resources) underWay.add(name);
    for (const name of removed) underWay.add(name);
  }
  const together: Offer[] = [];
  const alone: Offer[] = [];
  const removed: string[] = [];
  const pending = new Set<string>();
  const due = new Set<string>();
  const consider = (name: string, mustAnswer: boolean): void => {
    if (underWay.has(name)) {
      (mustAnswer ? due : pending).add(name);
      return;
    }
    if (!covers(watch.subscription, name)) return;
    const offer = offerFor(name);
    if (offer !== undefined) {
      if (!mustAnswer && watch.held.get(name)?.version === offer.version) return;
      const refusedInCompany = watch.alone.has(name) && watch.refused.get(name) === offer.version;
      (refusedInCompany ? alone : together).push(offer);
    } else if (mustAnswer || (removals && watch.held.has(name))) removed.push(name);
    else if (watch.held.has(name)) pending.add(name);
  };
  for (const name of watch.due) consider(name, true);
  for (const name of watch.pending) if (!watch.due.has(name)) consider(name, false);
  const responses: Draft[] = alone.map((offer) => ({ resources: [offer], removed: [] }));
  if (together.length > 0 || removed.length > 0 || (watch.answerOwed && alone.length === 0)) {
    responses.unshift({ resources: together, removed });
  }
  return { responses, pending, due };
};
