import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh, WorkloadId } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';

/** Services with a method that a caller's name is on, by that name, in id order. */
export const servicesByCaller: (services: Mesh['services']) => ReadonlyMap<LogicalName, readonly Service[]> = memoize(
  (services) => {
    const found = new Map<LogicalName, Service[]>();
    for (const service of services.values()) {
      for (const caller of callersOf(service.methods)) found.set(caller, [...(found.get(caller) ?? []), service]);
    }
    return found;
  },
);

/**
 * Everybody whom a method of a service names; who is only denied for now is among them, since his proxy keeps what it needs to call
 * again: a denial is a change of routes and closes no connection.
 */
export const callersOf: (methods: Service['methods']) => ReadonlySet<LogicalName> = memoize(
  (methods) => new Set([...methods.values()].flatMap(({ callers, denied }) => [...callers, ...(denied ?? [])])),
);

/** Services with a port that every workload of their namespace may use, by namespace, in id order. */
export const servicesOpenToNamespace: (services: Mesh['services']) => ReadonlyMap<string, readonly Service[]> = memoize(
  (services) => {
    const found = new Map<string, Service[]>();
    for (const service of services.values()) {
      if (!isOpenToNamespace(service)) continue;
      found.set(service.namespace, [...(found.get(service.namespace) ?? []), service]);
    }
    return found;
  },
);

/** Whether the workloads of a service's namespace may use a port of it. */
export function isOpenToNamespace(service: Service): boolean {
  return service.ungoverned || service.otherPorts.length > 0;
}

/** The services that a workload is a replica of, in id order. */
export const servicesByWorkload: (services: Mesh['services']) => ReadonlyMap<WorkloadId, readonly Service[]> = memoize(
  (services) => {
    const found = new Map<WorkloadId, Service[]>();
    for (const service of services.values()) {
      for (const id of service.workloads) found.set(id, [...(found.get(id) ?? []), service]);
    }
    return found;
  },
);
