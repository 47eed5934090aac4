import type { LogicalName, Mesh, SpiffeId, WorkloadId } from './mesh.ts';
import type { Service } from './service.ts';

/** Finds parts of the mesh by what others know of them. Each answer costs what it finds, not what the mesh is large. */
export interface MeshLookups {
  /** The pod that has an address. Of several the last by id. */
  workloadAt(address: string): WorkloadId | undefined;
  /** The name under which an account speaks; undefined: it has none, or several. */
  nameOf(identity: SpiffeId): LogicalName | undefined;
  /** The services that a workload is a replica of, by id. */
  servicesOf(workload: WorkloadId): readonly Service[];
  /** Services with this logical name or host name, by id. */
  servicesNamed(name: string): readonly Service[];
  /** Services with a method of exactly this path, by id. */
  servicesWithMethod(path: string): readonly Service[];
  /** Services with a method that callers outside may call, by id. */
  exposingServices(): readonly Service[];
}

/** What `servicesNamed` finds a service by. */
export function namesOf({ logicalName, hosts }: Pick<Service, 'logicalName' | 'hosts'>): readonly string[] {
  return [...new Set(logicalName === undefined ? hosts : [logicalName, ...hosts])];
}

/** Whether callers outside may call a method of a service. */
export function isExposing({ methods }: Pick<Service, 'methods'>): boolean {
  for (const { exposed } of methods.values()) if (exposed) return true;
  return false;
}

/** The lookups of a mesh: its own, or those that are made of its maps, once for each mesh. */
export function lookupsOf(mesh: Mesh): MeshLookups {
  if (mesh.lookups) return mesh.lookups;
  const known = made.get(mesh) ?? makeLookups(mesh);
  made.set(mesh, known);
  return known;
}

const made = new WeakMap<Mesh, MeshLookups>();
const none: readonly Service[] = [];

/** Lookups of a mesh that does not change. Each index is made when it is first asked for. */
export function makeLookups({
  services,
  workloads,
  identities,
}: Pick<Mesh, 'services' | 'workloads' | 'identities'>): MeshLookups {
  const sorted = lazily(() => [...services.values()].sort((a, b) => (a.id < b.id ? -1 : 1)));
  const byWorkload = lazily(() => indexed(sorted(), (service) => service.workloads));
  const byName = lazily(() => indexed(sorted(), namesOf));
  const byPath = lazily(() => indexed(sorted(), (service) => service.methods.keys()));
  const exposing = lazily(() => sorted().filter(isExposing));
  const byAddress = lazily(() => {
    const ids = [...workloads.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
    return new Map(ids.flatMap(({ id, pod }) => (pod?.addresses ?? []).map((address) => [address, id] as const)));
  });
  const byIdentity = lazily(() => {
    const names = new Map<SpiffeId, LogicalName>();
    for (const [name, accounts] of identities) {
      for (const account of accounts) if (!names.has(account)) names.set(account, name);
    }
    return names;
  });
  return {
    workloadAt: (address) => byAddress().get(address),
    nameOf: (identity) => byIdentity().get(identity),
    servicesOf: (workload) => byWorkload().get(workload) ?? none,
    servicesNamed: (name) => byName().get(name) ?? none,
    servicesWithMethod: (path) => byPath().get(path) ?? none,
    exposingServices: exposing,
  };
}

function indexed(services: readonly Service[], keysOf: (service: Service) => Iterable<string>) {
  const index = new Map<string, Service[]>();
  for (const service of services) {
    for (const key of keysOf(service)) {
      const found = index.get(key);
      if (found) found.push(service);
      else index.set(key, [service]);
    }
  }
  return index;
}

function lazily<T extends object>(make: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= make();
    return value;
  };
}
