import type { Change, Collection, Turn } from '@weft/collections';
import type { FactCollections } from '@weft/compiler/facts/fact-collections';
import { onlyEndpointsChanged } from '@weft/compiler/model/endpoint-change';
import type { Override } from '@weft/compiler/model/override';
import type { Service } from '@weft/compiler/model/service';
import type { Workload } from '@weft/compiler/model/workload';
import type { Translation } from '@weft/compiler/translation/translate';
import { type FactChanges, factChanges } from '../history/part-changes.ts';

/** The parts of the mesh that are followed one by one. */
export interface ModelCollections {
  readonly services: Collection<Service>;
  readonly workloads: Collection<Workload>;
  /** By id. */
  readonly overrides: Collection<Override>;
  /** What several proxies hold besides: settings, gateways, external services, identities. */
  readonly shared: readonly Collection<unknown>[];
}

/** The collections of a compiler that are followed. */
export function modelCollections({ facts, services, workloads, identities, overrides }: Translation): ModelCollections {
  return {
    services: services.services,
    workloads: workloads.workloads,
    overrides,
    shared: [facts.settings, facts.gateways, facts.externalServices, identities.identities, identities.shared],
  };
}

/** What a turn did, for everything in the control plane that follows the mesh. */
export interface MeshTurn {
  /** To the facts. */
  readonly changes: FactChanges;
  /** To the model. */
  readonly workloads: ReadonlyMap<string, Change<Workload>>;
  readonly overrides: ReadonlyMap<string, Change<Override>>;
  /** `onlyEndpointsChanged` of the model. */
  readonly endpointsOnly: boolean;
}

/** Reads a turn. Costs what it changed. */
export function meshTurn(
  turn: Pick<Turn, 'changed'>,
  facts: Omit<FactCollections, 'problems'>,
  model: ModelCollections,
): MeshTurn {
  const services = turn.changed(model.services);
  const workloads = turn.changed(model.workloads);
  const elsewhere = model.shared.some((collection) => turn.changed(collection).size > 0);
  return {
    changes: factChanges(turn, facts),
    workloads,
    overrides: turn.changed(model.overrides),
    endpointsOnly: onlyEndpointsChanged({ services, workloads, elsewhere }),
  };
}
