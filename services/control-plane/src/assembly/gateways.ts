import type { Gateway } from '../model/gateway.ts';
import type { Problem } from '../model/problem.ts';
import type { Workload } from '../model/workload.ts';
import type { GatewayFact } from '../sources/facts.ts';

/** Puts replicas behind gateways. */
export function assembleGateways(
  facts: readonly GatewayFact[],
  workloads: readonly Workload[],
): { gateways: ReadonlyMap<string, Gateway>; problems: Problem[] } {
  const gateways = new Map<string, Gateway>();
  for (const { origin: _, ...settings } of [...facts].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const replicas = workloads.filter(({ gateway }) => gateway?.name === settings.name).map(({ id }) => id);
    gateways.set(settings.name, { ...settings, workloads: replicas });
  }
  const problems = workloads
    .filter(({ gateway }) => gateway && !gateways.has(gateway.name))
    .map(({ id, gateway }) => ({
      resource: `Workload ${id}`,
      field: 'spec.gateway.name',
      message: `there is no Gateway ${gateway?.name}; the replica serves nothing`,
      advice: gateways.size > 0 ? [...gateways.keys()].join(', ') : 'a weft.dev/v1 Gateway with that name',
    }));
  return { gateways, problems };
}
