import type { Collection, Graph } from '@weft/collections';
import type { Translation } from '../translation/translate.ts';
import { type Calls, callsOf, targetKey } from './calls.ts';
import { type Resource, sameResource } from './resource.ts';
import { gatewayPart, gatewayRoutes } from './route-gateway.ts';

/** The routes of gateways, by `ProxyKeys.calls`. */
export function routesOfGateways(graph: Graph, { facts }: Translation, calls: Calls): Collection<Resource> {
  const parts = graph.derive('gateway parts', calls.byTarget, ({ service }, read, key) => {
    const by = read.get(calls.keys, callsOf(key));
    const gateway = by && 'gateway' in by ? read.get(facts.gateways, by.gateway) : undefined;
    return gateway && gatewayPart(service, gateway.name, gateway.maxMessageBytes);
  });
  return graph.derive(
    'gateway routes',
    calls.targets,
    (targets, read, key) => {
      const by = read.get(calls.keys, key);
      const gateway = by && 'gateway' in by ? read.get(facts.gateways, by.gateway) : undefined;
      if (gateway === undefined) return undefined;
      return gatewayRoutes(
        gateway,
        targets.flatMap((target) => read.get(parts, targetKey(key, target)) ?? []),
      );
    },
    { same: sameResource },
  );
}
