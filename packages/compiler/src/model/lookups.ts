import type { LogicalName, Mesh, SpiffeId, WorkloadId } from './mesh.ts';
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
  for (const method of methods.values()) if (isExposed(method)) return true;
  return false;
}

/** The lookups of a mesh: its own, or those that are made of its maps, once for each mesh. */
export function lookupsOf(mesh: Mesh): MeshLookups {
  if (mesh.lookups) return mesh.lookups;
  const known = made.get(mesh) ?? new MapLookups(mesh);
  made.set(mesh, known);
  return known;
}

const made = new WeakMap<Mesh, MeshLookups>();
const none: readonly Service[] = [];

/** Lookups of a mesh that does not change. Each index is made when it is first asked for. */
export class MapLookups implements MeshLookups {
  readonly #services: () => readonly Service[];
  readonly #byReplica: () => ReadonlyMap<string, readonly Service[]>;
  readonly #byName: () => ReadonlyMap<string, readonly Service[]>;
  readonly #byMethod: () => ReadonlyMap<string, readonly Service[]>;
  readonly #byAddress: () => ReadonlyMap<string, WorkloadId>;
  readonly #byAccount: () => ReadonlyMap<SpiffeId, LogicalName>;

  constructor({ services, workloads, identities }: Pick<Mesh, 'services' | 'workloads' | 'identities'>) {
    this.#services = lazily(() => byId(services.values()));
    this.#byReplica = lazily(() => indexed(this.#services(), (service) => service.workloads));
    this.#byName = lazily(() => indexed(this.#services(), namesOf));
    this.#byMethod = lazily(() => indexed(this.#services(), (service) => service.methods.keys()));
    this.#byAddress = lazily(() => {
      const pods = byId(workloads.values());
      return new Map(pods.flatMap(({ id, pod }) => (pod?.addresses ?? []).map((address) => [address, id] as const)));
    });
    this.#byAccount = lazily(() => {
      const names = [...identities].reverse();
      return new Map(names.flatMap(([name, accounts]) => accounts.map((account) => [account, name] as const)));
    });
  }

  workloadAt(address: string): WorkloadId | undefined {
    return this.#byAddress().get(address);
  }

  nameOf(identity: SpiffeId): LogicalName | undefined {
    return this.#byAccount().get(identity);
  }

  servicesOf(workload: WorkloadId): readonly Service[] {
    return this.#byReplica().get(workload) ?? none;
  }

  servicesNamed(name: string): readonly Service[] {
    return this.#byName().get(name) ?? none;
  }

  servicesWithMethod(path: string): readonly Service[] {
    return this.#byMethod().get(path) ?? none;
  }

  exposingServices(): readonly Service[] {
    return this.#services().filter(isExposing);
  }
}

function byId<T extends { readonly id: string }>(values: Iterable<T>): T[] {
  return [...values].sort((a, b) => (a.id < b.id ? -1 : 1));
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
