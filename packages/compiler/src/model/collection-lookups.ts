import type { Collection } from '@weft/collections';
import { isExposing, type MeshLookups, namesOf } from './lookups.ts';
import type { LogicalName, SpiffeId } from './mesh.ts';
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
export function collectionLookups({ services, workloads, identities }: LookupCollections): MeshLookups {
  const byWorkload = services.index('by replica', (service) => service.workloads);
  const byName = services.index('by name', namesOf);
  const byPath = services.index('by method', (service) => service.methods.keys());
  const exposing = services.index('exposing', (service) => (isExposing(service) ? [''] : []));
  const byAddress = workloads.index('by address', ({ pod }) => pod?.addresses ?? []);
  const byAccount = identities.index('by account', (accounts) => accounts);
  return {
    workloadAt: (address) => byAddress.valuesIn(address).at(-1)?.id,
    nameOf: (identity): LogicalName | undefined => byAccount.keysIn(identity)[0],
    servicesOf: (workload) => byWorkload.valuesIn(workload),
    servicesNamed: (name) => byName.valuesIn(name),
    servicesWithMethod: (path) => byPath.valuesIn(path),
    exposingServices: () => exposing.valuesIn(''),
  };
}
