import type { Collection, Index } from '@weft/collections';
import { isExposing, type MeshLookups, namesOf } from './lookups.ts';
import type { LogicalName, SpiffeId, WorkloadId } from './mesh.ts';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

/** The parts of a mesh by their ids, live. */
export interface LookupCollections {
  readonly services: Collection<Service>;
  readonly workloads: Collection<Workload>;
  /** By logical name. */
  readonly identities: Collection<readonly SpiffeId[]>;
}

/** Lookups of a mesh that is followed turn by turn. They show each turn once it has ended. */
export class CollectionLookups implements MeshLookups {
  readonly #byReplica: Index<Service>;
  readonly #byName: Index<Service>;
  readonly #byMethod: Index<Service>;
  readonly #exposing: Index<Service>;
  readonly #byAddress: Index<Workload>;
  readonly #byAccount: Index<readonly SpiffeId[]>;

  constructor({ services, workloads, identities }: LookupCollections) {
    this.#byReplica = services.index('by replica', (service) => service.workloads);
    this.#byName = services.index('by name', namesOf);
    this.#byMethod = services.index('by method', (service) => service.methods.keys());
    this.#exposing = services.index('exposing', (service) => (isExposing(service) ? [''] : []));
    this.#byAddress = workloads.index('by address', ({ pod }) => pod?.addresses ?? []);
    this.#byAccount = identities.index('by account', (accounts) => accounts);
  }

  workloadAt(address: string): WorkloadId | undefined {
    return this.#byAddress.valuesIn(address).at(-1)?.id;
  }

  nameOf(identity: SpiffeId): LogicalName | undefined {
    return this.#byAccount.keysIn(identity)[0];
  }

  servicesOf(workload: WorkloadId): readonly Service[] {
    return this.#byReplica.valuesIn(workload);
  }

  servicesNamed(name: string): readonly Service[] {
    return this.#byName.valuesIn(name);
  }

  servicesWithMethod(path: string): readonly Service[] {
    return this.#byMethod.valuesIn(path);
  }

  exposingServices(): readonly Service[] {
    return this.#exposing.valuesIn('');
  }
}
