import type { Change, Collection } from '@weft/collections';
import type { WorkloadId } from '../model/mesh.ts';
import type { BackEnd, BackEndTurn } from './back-end.ts';
import { callsOf } from './calls.ts';
import { heldNames, heldResource, type Lookup, listenerName, now } from './held.ts';
import { tracingCluster } from './names.ts';
import type { ProxyKeys } from './proxies.ts';
import { type Resource, sameResource, type TypeUrl, typeUrls, type ViewChange } from './resource.ts';

/** Names by type. */
type Names = ReadonlyMap<TypeUrl, ReadonlySet<string>>;

/** Says which proxies hold something else after a turn, and what: each changed resource is told to those that hold it, and to nobody else. */
export function viewChanges(backEnd: BackEnd, turn: BackEndTurn): readonly ViewChange[] {
  const { proxies, outbound, inbound, tracing } = backEnd;
  const moved = turn.changed(proxies.proxies);
  const changes = changesOfMoved(backEnd, turn, moved);
  const add = (ids: readonly string[], names: Names) => {
    const stayed = moved.size === 0 ? ids : ids.filter((id) => !moved.has(id));
    // Proxies are by workload id.
    if (stayed.length > 0) changes.push({ proxies: stayed as readonly WorkloadId[], names });
  };
  for (const [key, names] of changesOfCalls(backEnd, turn)) add(proxies.byCalls.keysIn(key), names);
  for (const [key, names] of changesOfEndpoints(backEnd, turn)) add(proxies.byZones.keysIn(key), names);
  for (const [key, { before, after }] of turn.changed(outbound.listeners)) {
    const name = (after ?? before)?.name;
    if (name !== undefined) add(proxies.byListener.keysIn(key), only(typeUrls.listener, [name]));
  }
  for (const [key, change] of turn.changed(inbound.listeners)) {
    add(proxies.byInbound.keysIn(key), only(typeUrls.listener, differing(change)));
  }
  for (const [key, change] of turn.changed(inbound.routes)) {
    add(proxies.byPolicy.keysIn(key), only(typeUrls.route, differing(change)));
  }
  // What a key leads to never changes, so only the keys can.
  for (const [key, { before, after }] of turn.changed(inbound.applications)) {
    const names = [...new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])];
    const others = names.filter((name) => before?.get(name) !== after?.get(name));
    add(proxies.byPolicy.keysIn(key), only(typeUrls.cluster, others));
  }
  if (turn.changed(tracing).size > 0) add(proxies.proxies.keys(), only(typeUrls.cluster, [tracingCluster]));
  return changes;
}

/** What changed for proxies that share something else with others than before the turn. Those that are new hold everything anew. */
function changesOfMoved(
  backEnd: BackEnd,
  turn: BackEndTurn,
  moved: ReadonlyMap<string, Change<ProxyKeys>>,
): ViewChange[] {
  const changes: ViewChange[] = [];
  const groups = Map.groupBy(moved, ([, change]) => JSON.stringify(change));
  for (const group of groups.values()) {
    const [first] = group;
    const { before, after } = first?.[1] ?? {};
    if (after === undefined) continue;
    const names = before === undefined ? 'everything' : namesBetween(backEnd, turn, before, after);
    const proxies = group.map(([id]) => id) as readonly string[] as readonly WorkloadId[];
    if (names === 'everything' || names.size > 0) changes.push({ proxies, names });
  }
  return changes;
}

/** The names whose resource is another one for a proxy that had these keys and now has those. */
function namesBetween(backEnd: BackEnd, turn: BackEndTurn, before: ProxyKeys, after: ProxyKeys): Names {
  const then: Lookup = <V>(collection: Collection<V>, key: string) => {
    const changed = turn.changed(collection);
    const change = changed.get(key);
    return change === undefined ? collection.get(key) : change.before;
  };
  const found = new Map<TypeUrl, ReadonlySet<string>>();
  for (const typeUrl of [typeUrls.cluster, typeUrls.endpoints, typeUrls.listener, typeUrls.route]) {
    const all = [...heldNames(backEnd, then, before, typeUrl), ...heldNames(backEnd, now, after, typeUrl)];
    const others = all.filter((name) => {
      const had = heldResource(backEnd, then, before, typeUrl, name);
      const has = heldResource(backEnd, now, after, typeUrl, name);
      return had === undefined || has === undefined ? had !== has : !sameResource(had, has);
    });
    if (others.length > 0) found.set(typeUrl, new Set(others));
  }
  return found;
}

/** What changed for all who call by a key, wherever they are. */
function changesOfCalls(backEnd: BackEnd, turn: BackEndTurn): ReadonlyMap<string, Names> {
  const { calls, outbound, gateways, clusterNames, byClusterName } = backEnd;
  const names = new NamesByKey();
  for (const [key, change] of turn.changed(clusterNames)) {
    for (const name of differingNames(change)) names.add(key, typeUrls.cluster, name);
  }
  for (const [key, { before = [], after = [] }] of turn.changed(calls.clusters)) {
    const change = { before: new Set(before), after: new Set(after) };
    for (const name of differingNames(change)) names.add(key, typeUrls.endpoints, name);
  }
  for (const name of turn.changed(outbound.clusters).keys()) {
    for (const key of byClusterName.keysIn(name)) names.add(key, typeUrls.cluster, name);
  }
  for (const routes of [outbound.routes, gateways.routes]) {
    for (const key of turn.changed(routes).keys()) names.add(key, typeUrls.route, listenerName({ calls: key }));
  }
  for (const [key, { before, after }] of turn.changed(outbound.directRoutes)) {
    const name = (after ?? before)?.name;
    if (name !== undefined) names.add(callsOf(key), typeUrls.route, name);
  }
  return names.byKey;
}

/** The endpoints that changed for all who call by a key from one place. */
function changesOfEndpoints({ endpoints }: BackEnd, turn: BackEndTurn): ReadonlyMap<string, Names> {
  const { keys, byKey, callers, resources } = endpoints;
  const names = new NamesByKey();
  const changed = new Set(turn.changed(keys).keys());
  for (const key of turn.changed(resources).keys()) for (const zoned of byKey.keysIn(key)) changed.add(zoned);
  for (const zoned of changed) {
    const name = zoned.slice(0, zoned.indexOf('\n'));
    for (const key of callers.keysIn(zoned)) names.add(key, typeUrls.endpoints, name);
  }
  return names.byKey;
}

/** Names by whose they are. */
class NamesByKey {
  readonly byKey = new Map<string, Map<TypeUrl, Set<string>>>();

  add(key: string, typeUrl: TypeUrl, name: string): void {
    const byType = this.byKey.get(key) ?? new Map<TypeUrl, Set<string>>();
    const names = byType.get(typeUrl) ?? new Set<string>();
    this.byKey.set(key, byType.set(typeUrl, names.add(name)));
  }
}

function only(typeUrl: TypeUrl, names: readonly string[]): Names {
  return new Map([[typeUrl, new Set(names)]]);
}

function differing({ before = [], after = [] }: Change<readonly Resource[]>): string[] {
  const known = new Map(before.map((resource) => [resource.name, resource]));
  const names: string[] = [];
  for (const resource of after) {
    const old = known.get(resource.name);
    known.delete(resource.name);
    if (old === undefined || !sameResource(old, resource)) names.push(resource.name);
  }
  return [...names, ...known.keys()];
}

function differingNames({ before, after }: Change<ReadonlySet<string>>): string[] {
  return [
    ...[...(after ?? [])].filter((name) => !before?.has(name)),
    ...[...(before ?? [])].filter((name) => !after?.has(name)),
  ];
}
