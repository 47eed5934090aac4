import type { Change } from '@weft/collections';
import type { WorkloadId } from '../model/mesh.ts';
import type { BackEnd, BackEndTurn } from './back-end.ts';
import { callsOf } from './calls.ts';
import { tracingCluster } from './names.ts';
import { type Resource, sameResource, type TypeUrl, typeUrls, type ViewChange } from './resource.ts';
import { listenerName } from './view.ts';

/** Says which proxies hold something else after a turn, and what: each changed resource is told to those that hold it, and to nobody else. */
export function viewChanges(backEnd: BackEnd, turn: BackEndTurn): readonly ViewChange[] {
  const { proxies, outbound, inbound, tracing } = backEnd;
  const changes: ViewChange[] = [];
  const add = (ids: readonly string[], names: Names) => {
    // Proxies are by workload id.
    if (ids.length > 0) changes.push({ proxies: ids as readonly WorkloadId[], names });
  };
  for (const [key, names] of changesOfCalls(backEnd, turn)) add(proxies.byCalls.keysIn(key), names);
  for (const [key, names] of changesOfZones(backEnd, turn)) add(proxies.byZones.keysIn(key), names);
  for (const [key, { before, after }] of turn.changed(outbound.listeners)) {
    const name = (after ?? before)?.name;
    if (name !== undefined) add(proxies.byListener.keysIn(key), namesOf(typeUrls.listener, [name]));
  }
  for (const [typeUrl, collection] of [
    [typeUrls.listener, inbound.listeners],
    [typeUrls.cluster, inbound.clusters],
    [typeUrls.route, inbound.routes],
  ] as const) {
    for (const [key, change] of turn.changed(collection)) {
      add(proxies.byInbound.keysIn(key), namesOf(typeUrl, differing(change)));
    }
  }
  if (turn.changed(tracing).size > 0) add(proxies.proxies.keys(), namesOf(typeUrls.cluster, [tracingCluster]));
  const others = [...turn.changed(proxies.proxies)].filter(([, { after }]) => after !== undefined).map(([id]) => id);
  if (others.length > 0) changes.push({ proxies: others as readonly WorkloadId[], names: 'everything' });
  return changes;
}

type Names = ReadonlyMap<TypeUrl, ReadonlySet<string>>;

/** What changed for all who call by a key. */
function changesOfCalls(backEnd: BackEnd, turn: BackEndTurn): ReadonlyMap<string, Names> {
  const { calls, outbound, endpoints, gatewayRoutes, clusterNames, byClusterName } = backEnd;
  const names = new NamesByKey();
  for (const [key, change] of turn.changed(clusterNames)) {
    for (const name of differingNames(change)) {
      names.add(key, typeUrls.cluster, name);
      names.add(key, typeUrls.endpoints, name);
    }
  }
  for (const name of turn.changed(outbound.clusters).keys()) {
    for (const key of byClusterName.keysIn(name)) names.add(key, typeUrls.cluster, name);
  }
  for (const name of turn.changed(endpoints).keys()) {
    for (const key of calls.byCluster.keysIn(name)) names.add(key, typeUrls.endpoints, name);
  }
  for (const key of turn.changed(outbound.routes).keys()) {
    names.add(key, typeUrls.route, listenerName({ calls: key }));
  }
  for (const key of turn.changed(gatewayRoutes).keys()) {
    names.add(key, typeUrls.route, listenerName({ calls: key }));
  }
  for (const [key, { before, after }] of turn.changed(outbound.directRoutes)) {
    const name = (after ?? before)?.name;
    if (name !== undefined) names.add(callsOf(key), typeUrls.route, name);
  }
  return names.byKey;
}

/** The endpoints that changed for all who call by a key from one zone. */
function changesOfZones({ zoned }: BackEnd, turn: BackEndTurn): ReadonlyMap<string, Names> {
  const names = new NamesByKey();
  for (const [key, { before, after }] of turn.changed(zoned.keys)) {
    for (const [name, now] of after ?? []) if (before?.get(name) !== now) names.add(key, typeUrls.endpoints, name);
    for (const name of before?.keys() ?? []) if (!after?.has(name)) names.add(key, typeUrls.endpoints, name);
  }
  for (const [endpointsKey, { before, after }] of turn.changed(zoned.endpoints)) {
    const name = (after ?? before)?.name;
    if (name === undefined) continue;
    for (const key of zoned.byKey.keysIn(endpointsKey)) names.add(key, typeUrls.endpoints, name);
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

function namesOf(typeUrl: TypeUrl, names: readonly string[]): Names {
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
