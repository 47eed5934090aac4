import type { TypeUrl } from '@weft/compiler/envoy/resource';
import type { DiscoveryRequest } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { type Compose, noDrafts, noNames } from './compose.ts';
import { HeldResources } from './held-resources.ts';
import type { Offer } from './offer.ts';
import { type Subscription, type SubscriptionChange, Watch, wholeTypes, wildcardName } from './watch.ts';

/** What a client's first request of a type on a stream asks for. */
export function beginSotw(typeUrl: TypeUrl, request: DiscoveryRequest): Watch {
  const subscription = subscriptionOf(request, request.resourceNames.length === 0 && wholeTypes.has(typeUrl));
  // A named listener that does not exist is told by a response without it.
  return new Watch(typeUrl, subscription);
}

/**
 * Takes over what the client brought from an earlier stream: nothing is resent when the version that it names is that of exactly
 * what it would be sent now.
 */
export function resumeSotw(watch: Watch, versionInfo: string, offers: readonly Offer[]): void {
  const would = new HeldResources();
  for (const offer of offers) would.set(offer.name, offer);
  if (versionInfo === '' || offers.length === 0 || versionInfo !== would.version) return;
  for (const offer of offers) {
    watch.held.set(offer.name, offer);
    watch.due.delete(offer.name);
  }
  watch.answerOwed = false;
  watch.ackedVersion = versionInfo;
}

/**
 * Applies a later request's list of names: always the whole list. Nothing named means nothing wanted once anything was named;
 * before that it still means everything.
 */
export function resubscribeSotw(watch: Watch, request: DiscoveryRequest): SubscriptionChange {
  const before = watch.subscription;
  if (isSame(before, request.resourceNames)) return 'none';
  const next = subscriptionOf(request, request.resourceNames.length === 0 && before.implicit);
  const added = [...next.names].filter((name) => !before.names.has(name));
  if (added.length === 0 && next.names.size === before.names.size && next.wildcard === before.wildcard) {
    watch.subscription = next;
    return 'none';
  }
  watch.narrow(next, watch.knownNames());
  watch.owe(added);
  if (!next.wildcard || before.wildcard) return 'names';
  watch.answerOwed = true;
  return 'everything';
}

/** Whether a list names exactly what a client wants already: nearly every request does. */
function isSame({ wildcard, implicit, names }: Subscription, list: readonly string[]): boolean {
  if (implicit) return list.length === 0;
  if (list.length !== names.size + Number(wildcard)) return false;
  // Without a duplicate, as many names that are all known are all names.
  return (
    list.every((name) => names.has(name) || (wildcard && name === wildcardName)) && new Set(list).size === list.length
  );
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

const composeWhole: Compose = (watch, offers, removals) => {
  if (watch.outstanding.length > 0) return noDrafts;
  let owed = watch.answerOwed;
  const stale = new Set<string>();
  const changed = new Set<string>();
  for (const name of takeOwed(watch)) {
    const offer = offers.offer(watch, name);
    const holds = watch.held.get(name);
    if (offer === undefined && holds !== undefined && !removals) stale.add(name);
    else if (watch.due.has(name) || holds?.version !== offer?.version) changed.add(name);
    else if (offer !== undefined) watch.held.set(name, offer);
  }
  watch.due.clear();
  for (const name of stale) watch.pending.add(name);
  owed ||= changed.size > 0;
  if (!owed) return noDrafts;
  const resources: Offer[] = [];
  const wanted = watch.subscription.wildcard ? offers.names(watch) : [];
  for (const name of new Set([...wanted, ...watch.subscription.names])) {
    const offer = offers.offer(watch, name);
    if (offer !== undefined) resources.push(offer);
  }
  const isNews = ({ name, version }: Offer) => changed.has(name) || watch.held.get(name)?.version !== version;
  const news = resources.filter(isNews);
  for (const name of stale) {
    const kept = watch.held.get(name);
    if (kept?.resource !== undefined) resources.push({ ...kept, name, resource: kept.resource });
  }
  return [{ resources, news, removed: noNames, replaces: true }];
};

const composePartial: Compose = (watch, offers) => {
  if (watch.outstanding.length > 0 || !watch.owes) return noDrafts;
  const resources: Offer[] = [];
  const alone: Offer[] = [];
  const removed: string[] = [];
  for (const name of takeOwed(watch)) {
    const offer = offers.offer(watch, name);
    if (offer === undefined) removed.push(name);
    else if (watch.alone.has(name) && watch.refused.get(name) === offer.version) alone.push(offer);
    else if (watch.due.has(name) || watch.held.get(name)?.version !== offer.version) resources.push(offer);
    else watch.held.set(name, offer);
  }
  watch.due.clear();
  // An empty response would change nothing for the client; what is gone stays subscribed and is sent when it appears.
  if (resources.length === 0) resources.push(...alone.splice(0, 1));
  for (const { name } of alone) watch.due.add(name);
  return resources.length === 0 ? noDrafts : [{ resources, news: resources, removed }];
};

/** Everything that may have to be sent, taken off `pending`. */
function takeOwed(watch: Watch): ReadonlySet<string> {
  const names = new Set(watch.due);
  for (const name of watch.pending) names.add(name);
  watch.pending.clear();
  return names;
}
