import { type Snapshot, type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import type { Answer } from './answer.ts';
import { type Composed, type Draft, sent } from './compose.ts';
import { composeDelta } from './delta.ts';
import { changedNames, endpointsNameOf, type Offer, offerOf } from './offer.ts';
import { composeSotw } from './sotw.ts';
import type { Step, StreamEffect, StreamState } from './stream-state.ts';
import { covers, type Watch, withDue } from './watch.ts';

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
export function flush(state: StreamState, effects: readonly StreamEffect[], { inOrder = true } = {}): Step {
  const { snapshot } = state;
  if (snapshot === undefined || state.blocked || owesNothing(state, snapshot)) return { state, effects };
  const work = new Flush(state, snapshot, effects);
  for (const typeUrl of first) work.deliver(typeUrl, typeUrl === typeUrls.secret);
  if (!inOrder || work.clustersReady()) for (const typeUrl of second) work.deliver(typeUrl, true);
  if (work.unusedForgotten()) {
    work.deliver(typeUrls.cluster, true);
    if (work.settled(typeUrls.cluster)) work.deliver(typeUrls.endpoints, true);
  }
  return work.done();
}

/** Whether the client has been told of all that there is: so it is after nearly every answer. */
function owesNothing({ watches }: StreamState, snapshot: Snapshot): boolean {
  for (const [typeUrl, watch] of watches) if (watch.part !== snapshot.get(typeUrl) || owes(watch)) return false;
  return true;
}

function owes({ pending, due, answerOwed }: Watch): boolean {
  return pending.size > 0 || due.size > 0 || answerOwed;
}

/** Whether something is held back for the client to act first; if that lasts, 'waited' should be sent to the stream. */
export function isWaiting(state: StreamState): boolean {
  const { snapshot, watches } = state;
  if (snapshot === undefined || state.blocked) return false;
  const owed = (typeUrl: TypeUrl) => {
    const watch = watches.get(typeUrl);
    return watch !== undefined && owes(watch);
  };
  if (second.some(owed) && !clustersReady(snapshot, watches, state.awaited)) return true;
  return !state.waited && first.some(owed) && second.some((typeUrl) => !watches.has(typeUrl));
}

/** Of the endpoints that clusters wait for and were not sent since, those that a watch wants. */
export function expectedNames(watch: Watch, awaited: StreamState['awaited']): string[] {
  return [...awaited].flatMap(([name, nonce]) => (nonce === '' && covers(watch.subscription, name) ? [name] : []));
}

/** What clusters still wait for after a client's answer: not the endpoints that it has now, nor those of clusters that it refused. */
export function stillAwaited(
  awaited: StreamState['awaited'],
  typeUrl: TypeUrl,
  answer: Answer,
): StreamState['awaited'] {
  if (answer.kind === 'stale' || awaited.size === 0) return awaited;
  if (typeUrl === typeUrls.endpoints) {
    return new Map([...awaited].filter(([, nonce]) => nonce !== answer.response.nonce));
  }
  if (typeUrl !== typeUrls.cluster || answer.kind !== 'refused') return awaited;
  const left = new Map(awaited);
  for (const { name, resource } of answer.response.resources) {
    const endpoints = endpointsNameOf(resource);
    if (endpoints !== undefined && answer.refusal.names.includes(name)) left.delete(endpoints);
  }
  return left;
}

function clustersReady(
  snapshot: Snapshot,
  watches: ReadonlyMap<TypeUrl, Watch>,
  awaited: StreamState['awaited'],
): boolean {
  if ((watches.get(typeUrls.cluster)?.outstanding.length ?? 0) > 0) return false;
  if (!watches.has(typeUrls.endpoints)) return true;
  for (const name of awaited.keys()) if (snapshot.get(typeUrls.endpoints)?.has(name)) return false;
  return true;
}

/** One flush under way. */
class Flush {
  readonly #state: StreamState;
  readonly #snapshot: Snapshot;
  readonly #effects: StreamEffect[];
  readonly #watches: Map<TypeUrl, Watch>;
  #awaited: StreamState['awaited'];
  #nonce: number;

  constructor(state: StreamState, snapshot: Snapshot, effects: readonly StreamEffect[]) {
    this.#state = state;
    this.#snapshot = snapshot;
    this.#effects = [...effects];
    this.#watches = new Map(state.watches);
    this.#awaited = state.awaited;
    this.#nonce = state.nonce;
    for (const [typeUrl, watch] of state.watches) {
      const part = snapshot.get(typeUrl);
      if (watch.part !== part) this.#watches.set(typeUrl, caughtUp(watch, part));
    }
  }

  deliver(typeUrl: TypeUrl, removals: boolean): void {
    const watch = this.#watches.get(typeUrl);
    if (watch === undefined || !owes(watch)) return;
    const clusters = this.#watches.get(typeUrls.cluster)?.held;
    const offerFor = (name: string) => offerOf(this.#snapshot, typeUrl, name, clusters);
    const compose = this.#state.variant === 'delta' ? composeDelta : composeSotw(typeUrl);
    const composed: Composed = compose(watch, offerFor, removals);
    let next: Watch = { ...watch, pending: composed.pending, due: composed.due };
    const news: Offer[] = [];
    let updates = 0;
    for (const draft of composed.responses) {
      for (const offer of draft.resources) {
        const before = watch.held.get(offer.name);
        if (before?.version === offer.version && !watch.due.has(offer.name)) continue;
        news.push(offer);
        if (before !== undefined) updates++;
      }
      this.#nonce++;
      const nonce = String(this.#nonce);
      next = sent(next, draft, nonce);
      const { resources, removed } = draft;
      const version = next.held.version;
      if (typeUrl === typeUrls.endpoints) this.#gave(draft, nonce);
      this.#effects.push({ kind: 'send', response: { typeUrl, nonce, version, resources, removed } });
    }
    this.#watches.set(typeUrl, next);
    if (typeUrl === typeUrls.cluster) this.#await(news);
    if (typeUrl === typeUrls.listener && updates > 0) this.#resendRoutes();
  }

  /** Clusters that were sent wait for their endpoints, changed or not. */
  #await(clusters: readonly Offer[]): void {
    const names = clusters.flatMap(({ resource }) => endpointsNameOf(resource) ?? []);
    if (names.length === 0) return;
    const waiting = new Map(names.map((name) => [name, '']));
    this.#awaited = new Map([...this.#awaited, ...waiting]);
    const endpoints = this.#watches.get(typeUrls.endpoints);
    if (endpoints === undefined) return;
    this.#watches.set(typeUrls.endpoints, withDue(endpoints, expectedNames(endpoints, waiting)));
  }

  #gave({ resources, removed }: Draft, nonce: string): void {
    if (this.#awaited.size === 0) return;
    const awaited = new Map(this.#awaited);
    for (const { name } of resources) if (awaited.has(name)) awaited.set(name, nonce);
    for (const name of removed) awaited.delete(name);
    this.#awaited = awaited;
  }

  /** A changed listener waits for its routes, changed or not. */
  #resendRoutes(): void {
    const routes = this.#watches.get(typeUrls.route);
    if (routes === undefined) return;
    const names = routes.held.names().filter((name) => covers(routes.subscription, name));
    this.#watches.set(typeUrls.route, withDue(routes, names));
  }

  clustersReady(): boolean {
    return clustersReady(this.#snapshot, this.#watches, this.#awaited);
  }

  /**
   * Whether nothing that the client uses can still need a cluster that is gone. On a new stream it names its clusters before it
   * asks for listeners and routes, which may still be old ones.
   */
  unusedForgotten(): boolean {
    return second.every((typeUrl) => (this.#state.waited || this.#watches.has(typeUrl)) && this.settled(typeUrl));
  }

  /** Whether the client has taken all that there is of a type. */
  settled(typeUrl: TypeUrl): boolean {
    const watch = this.#watches.get(typeUrl);
    if (watch === undefined) return true;
    return (
      watch.outstanding.length === 0 && watch.pending.size === 0 && watch.due.size === 0 && watch.refused.size === 0
    );
  }

  done(): Step {
    return {
      state: { ...this.#state, watches: this.#watches, awaited: this.#awaited, nonce: this.#nonce },
      effects: this.#effects,
    };
  }
}

/** Notes what changed since the watch last saw its part of the snapshot. */
function caughtUp(watch: Watch, part: Watch['part']): Watch {
  const pending = new Set(watch.pending);
  for (const name of changedNames(watch.part, part)) if (covers(watch.subscription, name)) pending.add(name);
  return { ...watch, part, pending };
}
