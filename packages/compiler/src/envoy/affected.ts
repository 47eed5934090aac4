import type { Mesh, ServiceId, WorkloadId } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import { isEndpointChange } from '../model/workload.ts';
import { callersOf, isOpenToNamespace } from './call-graph.ts';

/** Whose proxies a new mesh may concern. Never too few. */
export interface Affected {
  /** Those that may have anything else to hold: all when something general changed, else replicas and callers of what changed. */
  readonly anything: Set<WorkloadId>;
  /** Those that have at most other endpoints of `services` to hold. */
  readonly endpoints: Set<WorkloadId>;
  /** Services whose replicas alone changed. */
  readonly services: Set<ServiceId>;
}

/** Whom it concerns that `next` takes the place of `before`. */
export function affectedWorkloads(before: Mesh | undefined, next: Mesh): Affected {
  const anything = new Set<WorkloadId>();
  const endpoints = new Set<WorkloadId>();
  const services = new Set<ServiceId>();
  if (before === undefined || !sameForAll(before, next)) {
    for (const mesh of [before, next]) for (const id of mesh?.workloads.keys() ?? []) anything.add(id);
    return { anything, endpoints, services };
  }
  const changedWorkloads = differing(before.workloads, next.workloads);
  for (const id of changedWorkloads) {
    anything.add(id);
    // Where zones are preferred, the replicas of a gateway share their calls by where each of them is, as those of a service do.
    const { gateway } = next.workloads.get(id) ?? before.workloads.get(id) ?? {};
    const like = next.settings.zoneAware && gateway && next.gateways.get(gateway.name)?.workloads;
    for (const each of like || []) anything.add(each);
  }
  const changed = differing(before.services, next.services);
  for (const mesh of [before, next]) {
    for (const service of mesh.services.values()) {
      const { id, workloads, headless } = service;
      if (!changed.has(id) && !workloads.some((each) => changedWorkloads.has(each))) continue;
      for (const each of workloads) anything.add(each);
      // Callers of a headless service know where each replica is from their listeners too.
      const onlyReplicas = !headless && isSame(before.services.get(id), next.services.get(id), ['workloads']);
      if (onlyReplicas) services.add(id);
      addCallers(mesh, service, onlyReplicas ? endpoints : anything);
    }
  }
  for (const id of anything) endpoints.delete(id);
  return { anything, endpoints, services };
}

/** Whether replicas came, went or changed their readiness, and nothing else: their callers learn endpoints. */
export function onlyReplicasChanged(before: Mesh, next: Mesh): boolean {
  if (!sameForAll(before, next) || before.services.size !== next.services.size) return false;
  for (const [id, service] of next.services) {
    if (!isSame(before.services.get(id), service, ['workloads'])) return false;
  }
  for (const [id, workload] of next.workloads) {
    if (!isEndpointChange(before.workloads.get(id), workload)) return false;
  }
  return true;
}

/** Whether everything that is no single service's or workload's is the same. */
function sameForAll(before: Mesh, next: Mesh): boolean {
  return (
    before.settings === next.settings &&
    before.gateways === next.gateways &&
    before.externalServices === next.externalServices &&
    before.identities === next.identities &&
    before.sharedIdentities === next.sharedIdentities
  );
}

/** Whether two parts of meshes differ in nothing, or only in these fields. */
function isSame<T extends object>(a: T | undefined, b: T | undefined, except: readonly (keyof T & string)[]): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const before = new Map(Object.entries(a));
  const after = new Map(Object.entries(b));
  for (const field of except) {
    before.delete(field);
    after.delete(field);
  }
  return before.size === after.size && [...after].every(([field, value]) => before.get(field) === value);
}

function addCallers(mesh: Mesh, service: Service, affected: Set<WorkloadId>): void {
  if (isOpenToNamespace(service)) {
    for (const { id, namespace } of mesh.workloads.values()) if (namespace === service.namespace) affected.add(id);
  }
  const callers = callersOf(service.methods);
  for (const caller of mesh.services.values()) {
    if (caller.logicalName === undefined || !callers.has(caller.logicalName)) continue;
    for (const id of caller.workloads) affected.add(id);
  }
  for (const gateway of mesh.gateways.values()) {
    if (callers.has(gateway.name)) for (const id of gateway.workloads) affected.add(id);
  }
}

function differing<K extends ServiceId | WorkloadId, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): Set<K> {
  if (a === b) return new Set();
  const found = new Set<K>();
  for (const [key, value] of b) if (a.get(key) !== value) found.add(key);
  for (const key of a.keys()) if (!b.has(key)) found.add(key);
  return found;
}
