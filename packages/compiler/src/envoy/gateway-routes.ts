import type { Collection, Graph } from '@weft/collections';
import type { Translation } from '../translation/translate.ts';
import type { CalledServices } from './called-services.ts';
import type { Calls } from './calls.ts';
import { gatewayCalls, type VerdictOf } from './gateway-calls.ts';
import { portRoutes } from './places.ts';
import { type Resource, sameResource } from './resource.ts';
import { type GatewayPart, gatewayPart, gatewayRoutes } from './route-gateway.ts';

/** The routes of gateways, by `ProxyKeys.calls`. */
export function routesOfGateways(
  graph: Graph,
  { facts, routes, exposure: { verdicts } }: Translation,
  { called }: CalledServices,
  calls: Calls,
): Collection<Resource> {
  const atGateways = graph.deriveMany('routes at gateways', calls.keys, (by, read, key) =>
    'gateway' in by
      ? routes.atGateway(by.gateway, read).map((route) => [`${key}\n${route}`, { ...by, route }] as const)
      : [],
  );
  const parts = graph.derive('gateway parts', atGateways, ({ gateway: name, route }, read): GatewayPart | undefined => {
    const gateway = read.get(facts.gateways, name);
    const found = read.get(routes.ofGateways, route);
    if (gateway === undefined || found === undefined) return undefined;
    const leading = portRoutes(found.rules, (id) => read.get(called, id));
    const verdictOf: VerdictOf = (service) => read.get(verdicts, `${name}\n${service}`);
    return gatewayPart(found.hostnames, gatewayCalls(leading, name, verdictOf), gateway.maxMessageBytes, verdictOf);
  });
  return graph.derive(
    'gateway routes',
    calls.keys,
    (by, read, key) => {
      const gateway = 'gateway' in by ? read.get(facts.gateways, by.gateway) : undefined;
      if (gateway === undefined) return undefined;
      const keys = routes.atGateway(gateway.name, read);
      return gatewayRoutes(
        gateway,
        keys.flatMap((route) => read.get(parts, `${key}\n${route}`) ?? []),
      );
    },
    { same: sameResource },
  );
}
