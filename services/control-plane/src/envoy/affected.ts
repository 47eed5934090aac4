import type { Mesh, ServiceId, WorkloadId } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import { callersOf, isOpenToNamespace } from './call-graph.ts';

/**
 * The workloads whose proxies a new mesh may concern: all of them when something general changed, else the replicas and the
 * callers of the services that changed. Never too few.
 */
export function affectedWorkloads(before: Mesh | undefined, next: Mesh): Set<WorkloadId> {
  const affected = new Set<WorkloadId>();
  if (
    before === undefined ||
    before.settings !== next.settings ||
    before.gateways !== next.gateways ||
    before.externalServices !== next.externalServices ||
    before.identities !== next.identities ||
    before.sharedIdentities !== next.sharedIdentities
  ) {
    for (const mesh of [before, next]) for (const id of mesh?.workloads.keys() ?? []) affected.add(id);
    return affected;
  }
  const changedWorkloads = differing(before.workloads, next.workloads);
  for (const id of changedWorkloads) affected.add(id);
  const changed = differing(before.services, next.services);
  for (const mesh of [before, next]) {
    for (const service of mesh.services.values()) {
      if (changed.has(service.id) || service.workloads.some((id) => changedWorkloads.has(id))) {
        addServiceAndCallers(mesh, service, affected);
      }
    }
  }
  return affected;
}

function addServiceAndCallers(mesh: Mesh, service: Service, affected: Set<WorkloadId>): void {
  for (const id of service.workloads) affected.add(id);
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
