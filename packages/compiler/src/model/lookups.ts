import type { LogicalName, SpiffeId, WorkloadId } from './mesh.ts';
import { isExposed } from './method.ts';
import type { Service } from './service.ts';

/** Finds parts of the mesh by what others know of them. Each answer costs what it finds, not what the mesh is large. */
export interface MeshLookups {
  /** The pod that has an address. Of several the last by id. */
  workloadAt(address: string): WorkloadId | undefined;
  /** The name under which an account speaks; undefined: it has none, or several. */
  nameOf(identity: SpiffeId): LogicalName | undefined;
  /** The services that a workload is a replica of, by id. */
  servicesOf(workload: WorkloadId): readonly Service[];
  /** Services with this logical name, host name or virtual address, by id. */
  servicesNamed(name: string): readonly Service[];
  /** Services with a method of exactly this path, by id. */
  servicesWithMethod(path: string): readonly Service[];
  /** Services with a method that callers outside may call, by id. */
  exposingServices(): readonly Service[];
}

/** What `servicesNamed` finds a service by. */
export function namesOf(service: Pick<Service, 'logicalName' | 'hosts' | 'addresses'>): readonly string[] {
  const { logicalName, hosts, addresses } = service;
  return [...new Set([...(logicalName === undefined ? [] : [logicalName]), ...hosts, ...addresses.map(hostOf)])];
}

/** An address as the host of a URL. */
function hostOf(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Whether callers outside may call a method of a service. */
export function isExposing({ methods }: Pick<Service, 'methods'>): boolean {
  for (const method of methods.values()) if (isExposed(method)) return true;
  return false;
}
