import { createHash } from 'node:crypto';
import type { Collection, Graph, Read } from '@weft/collections';
import type { GatewayFact } from '../facts/facts.ts';
import { refWords } from '../model/resource-ref.ts';
import { isServiceBackend, type Route } from '../model/route.ts';
import type { Translation } from '../translation/translate.ts';
import type { CalledServices } from './called-services.ts';
import type { Calls } from './calls.ts';
import {
  type Contribution,
  type ContributionSource,
  type SetAside,
  sameContributions,
  versionOfPart,
  withoutSetAside,
} from './contribution.ts';
import { gatewayCalls } from './gateway-calls.ts';
import { portRoutes } from './places.ts';
import { type Resource, sameResource } from './resource.ts';
import { gatewayPart, gatewayRoutes } from './route-gateway.ts';

/** What gateways hold, by `ProxyKeys.calls`. */
export interface GatewayRoutes {
  /** What the routes are made of, what is set aside included. */
  readonly offered: Collection<readonly Contribution[]>;
  /** The same without what is set aside. */
  readonly contributions: Collection<readonly Contribution[]>;
  readonly routes: Collection<Resource>;
}

/** Makes the routes of gateways. */
export function routesOfGateways(
  graph: Graph,
  { facts, routes }: Translation,
  { called }: CalledServices,
  calls: Calls,
  sources: Collection<readonly ContributionSource[]>,
  setAside: Collection<SetAside>,
): GatewayRoutes {
  const atGateways = graph.deriveMany('routes at gateways', calls.keys, (by, read, key) =>
    'gateway' in by
      ? routes.atGateway(by.gateway, read).map((route) => [`${key}\n${route}`, { ...by, route }] as const)
      : [],
  );
  const parts = graph.derive(
    'gateway parts',
    atGateways,
    ({ gateway: name, route }, read): Contribution | undefined => {
      const gateway = read.get(facts.gateways, name);
      const found = read.get(routes.ofGateways, route);
      if (gateway === undefined || found === undefined) return undefined;
      const leading = portRoutes(found.rules, (id) => read.get(called, id));
      const part = gatewayPart(found.hostnames, gatewayCalls(leading, name), gateway.maxMessageBytes);
      const said = read.get(routes.given, route);
      return {
        key: route,
        version: versionOfPart(part),
        said: { gateway: part },
        sources: [...(said ? [routeSource(said)] : []), ...sourcesOf(found, sources, read)],
      };
    },
  );
  const offered = graph.derive(
    'gateway parts in order',
    calls.keys,
    (by, read, key): readonly Contribution[] | undefined => {
      if (!('gateway' in by) || read.get(facts.gateways, by.gateway) === undefined) return undefined;
      return routes.atGateway(by.gateway, read).flatMap((route) => read.get(parts, `${key}\n${route}`) ?? []);
    },
    { same: sameContributions },
  );
  const contributions = graph.derive(
    'gateway parts that are sent',
    offered,
    (found, read, key) => withoutSetAside(found, read.get(setAside, key)),
    { same: sameContributions },
  );
  const made = graph.derive(
    'gateway routes',
    contributions,
    (found, read, key) => {
      const by = read.get(calls.keys, key);
      const gateway = by && 'gateway' in by ? read.get(facts.gateways, by.gateway) : undefined;
      return gateway && gatewayRoutesOf(gateway, found);
    },
    { same: sameResource },
  );
  return { offered, contributions, routes: made };
}

/** The routes of a gateway that are made of these contributions. */
export function gatewayRoutesOf(gateway: GatewayFact, contributions: readonly Contribution[]): Resource {
  return gatewayRoutes(
    gateway,
    contributions.flatMap(({ said }) => ('gateway' in said ? said.gateway : [])),
  );
}

function sourcesOf(
  { rules }: Route,
  sources: Collection<readonly ContributionSource[]>,
  read: Read,
): readonly ContributionSource[] {
  const services = rules.flatMap(({ backends }) => backends.filter(isServiceBackend).map(({ service }) => service));
  return [...new Set(services)].flatMap((service) => read.get(sources, service) ?? []);
}

function routeSource(route: Route): ContributionSource {
  const { origin } = route;
  const about = origin.is === 'resource' ? [origin.ref] : [];
  const resource = origin.is === 'resource' ? refWords(origin.ref) : origin.service;
  return { resource, about, version: createHash('sha256').update(JSON.stringify(route)).digest('hex') };
}
