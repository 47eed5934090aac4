import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import type { Compose, Composed } from './compose.ts';
import { HeldResources } from './held-resources.ts';
import type { Offer } from './offer.ts';
import { covers, narrow, newWatch, type Subscription, type Watch, wholeTypes, wildcardName, withDue } from './watch.ts';

/** What a client's first request of a type on a stream asks for. */
export function beginSotw(typeUrl: TypeUrl, request: DiscoveryRequest): Watch {
  const subscription = subscriptionOf(request, request.resourceNames.length === 0 && wholeTypes.has(typeUrl));
  // A named listener that does not exist is told by a response without it.
  return { ...newWatch(subscription), answerOwed: subscription.wildcard };
}

/**
 * Takes over what the client brought from an earlier stream: nothing is resent when the version that it names is that of exactly
 * what it would be sent now.
 */
export function resumeSotw(watch: Watch, versionInfo: string, offers: readonly Offer[]): Watch {
  const held = HeldResources.none.with(offers.map((offer) => [offer.name, offer]));
  if (versionInfo === '' || offers.length === 0 || versionInfo !== held.version) return watch;
  const due = new Set([...watch.due].filter((name) => !held.has(name)));
  return { ...watch, held, due, answerOwed: false, ackedVersion: versionInfo };
}

/**
 * Applies a later request's list of names: always the whole list. Nothing named means nothing wanted once anything was named;
 * before that it still means everything.
 */
export function resubscribeSotw(watch: Watch, request: DiscoveryRequest): Watch {
  const { wildcard, names } = watch.subscription;
  const next = subscriptionOf(request, request.resourceNames.length === 0 && watch.subscription.implicit);
  const added = [...next.names].filter((name) => !names.has(name));
  if (added.length === 0 && next.names.size === names.size && next.wildcard === wildcard) {
    return next.implicit === watch.subscription.implicit ? watch : { ...watch, subscription: next };
  }
  const narrowed = narrow(watch, next);
  const widened = next.wildcard && !wildcard ? { ...narrowed, answerOwed: true, part: undefined } : narrowed;
  return withDue(widened, added);
}

function subscriptionOf(request: DiscoveryRequest, implicit: boolean): Subscription {
  const names = new Set(request.resourceNames);
  const wildcard = names.delete(wildcardName) || implicit;
  return { wildcard, implicit, names };
}

/** Composes for one type; whole types (clusters, listeners) are always sent entire, the others only where they changed. */
export function composeSotw(typeUrl: TypeUrl): Compose {
  return wholeTypes.has(typeUrl) ? composeWhole : composePartial;
}

const composeWhole: Compose = (watch, offerFor, removals) => {
  if (watch.outstanding.length > 0) return later(watch);
  let owed = watch.answerOwed;
  const stale = new Set<string>();
  for (const name of new Set([...watch.due, ...watch.pending])) {
    if (!covers(watch.subscription, name)) continue;
    const offer = offerFor(name);
    if (offer === undefined && watch.held.has(name) && !removals) stale.add(name);
    else if (watch.due.has(name) || watch.held.get(name)?.version !== offer?.version) owed = true;
  }
  const nothing = { pending: stale, due: new Set<string>() };
  if (!owed) return { ...nothing, responses: [] };
  const resources: Offer[] = [];
  const wanted = watch.subscription.wildcard ? [...(watch.part?.keys() ?? [])] : [];
  for (const name of new Set([...wanted, ...watch.subscription.names])) {
    const offer = offerFor(name);
    if (offer !== undefined) resources.push(offer);
  }
  for (const name of stale) {
    const kept = watch.held.get(name);
    if (kept?.resource !== undefined) resources.push({ ...kept, name, resource: kept.resource });
  }
  return { ...nothing, responses: [{ resources, removed: [], replaces: true }] };
};

const composePartial: Compose = (watch, offerFor) => {
  if (watch.outstanding.length > 0) return later(watch);
  const resources: Offer[] = [];
  const alone: Offer[] = [];
  const gone: string[] = [];
  for (const name of new Set([...watch.due, ...watch.pending])) {
    if (!covers(watch.subscription, name)) continue;
    const offer = offerFor(name);
    if (offer === undefined) gone.push(name);
    else if (watch.alone.has(name) && watch.refused.get(name) === offer.version) alone.push(offer);
    else if (watch.due.has(name) || watch.held.get(name)?.version !== offer.version) resources.push(offer);
  }
  // An empty response would change nothing for the client; what is gone stays subscribed and is sent when it appears.
  if (resources.length > 0)
    return { responses: [{ resources, removed: gone }], pending: new Set(), due: namesOf(alone) };
  const [first, ...rest] = alone;
  if (first !== undefined)
    return { responses: [{ resources: [first], removed: gone }], pending: new Set(), due: namesOf(rest) };
  return { responses: [], pending: new Set(), due: new Set() };
};

function namesOf(offers: readonly Offer[]): Set<string> {
  return new Set(offers.map(({ name }) => name));
}

function later(watch: Watch): Composed {
  return { responses: [], pending: watch.pending, due: watch.due };
}
