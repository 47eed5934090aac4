import type { Collection, Graph } from '@weft/collections';
import type { FactCollections } from '../facts/fact-collections.ts';
import type { Gateway } from '../model/gateway.ts';
import type { WorkloadId } from '../model/mesh.ts';
import { idOf } from '../model/names.ts';
import type { Problem } from '../model/problem.ts';
import { workloadRef } from '../model/resource-ref.ts';
import { some } from './contract-versions.ts';
import type { Workloads } from './workloads.ts';

/** Gateways by name. */
export interface Gateways {
  readonly gateways: Collection<Gateway>;
  readonly problems: readonly Collection<readonly Problem[]>[];
}

/** Puts replicas behind gateways. */
export function meshGateways(graph: Graph, facts: FactCollections, { workloads }: Workloads): Gateways {
  const replicas = workloads.index('gateway', ({ gateway }) => (gateway ? [gateway.name] : []));
  const gateways = graph.derive(
    'gateways',
    facts.gateways,
    ({ origin: _, ...settings }, read): Gateway => ({
      ...settings,
      workloads: read.keys(replicas, settings.name) as WorkloadId[],
    }),
  );
  const strays = graph.derive('gateways that are not there', workloads, ({ gateway }, read, id) => {
    if (gateway === undefined || read.get(facts.gateways, gateway.name)) return undefined;
    const known = read.all(facts.gateways).map(({ name }) => name);
    return some([
      {
        resource: `Workload ${id}`,
        about: [workloadRef(idOf(id))],
        field: 'spec.gateway.name',
        message: `there is no Gateway ${gateway.name}; the replica serves nothing`,
        advice: known.length > 0 ? known.join(', ') : 'a weft.dev/v1 Gateway with that name',
      },
    ]);
  });
  return { gateways, problems: [strays] };
}
