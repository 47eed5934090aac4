import type { Collection, Graph, Index, Read } from '@weft/collections';
import type { FactCollections } from '../facts/fact-collections.ts';
import type { ServiceId } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import type { PolicyOrigin } from '../model/policy-origin.ts';
import { portsOf } from '../model/port-access.ts';
import type { Problem } from '../model/problem.ts';
import { serviceRef } from '../model/resource-ref.ts';
import { parentKey, type Route, type Rule, type RuleMatch } from '../model/route.ts';
import type { Service } from '../model/service.ts';
import { some } from './contract-versions.ts';
import type { Exposure } from './exposure.ts';
import { anyHost } from './exposure-rows.ts';
import type { Services } from './services.ts';
import { routeProblems, soundRoute } from './sound-route.ts';

/** Where calls go. */
export interface Routes {
  /** What route resources say, by keys of their front ends; see `soundRoute`. */
  readonly given: Collection<Route>;
  readonly problems: Collection<readonly Problem[]>;
  /**
   * What holds for the ports of services that speak HTTP or gRPC, by `parentKey`: what route resources say, in the order of their keys,
   * else that calls go to the service's own replicas.
   */
  readonly ofPorts: Collection<readonly Route[]>;
  /** What holds at gateways: what route resources say, and one route for each service that a gateway may call. */
  readonly ofGateways: Collection<Route>;
  /** The keys in `ofGateways` of one gateway, in order of precedence: what route resources say comes first. */
  atGateway(gateway: string, read: Read): readonly string[];
}

/** Puts what route resources say, each front end's in a collection of its own, before what holds without them. */
export function meshRoutes(
  graph: Graph,
  facts: FactCollections,
  { services, merged }: Services,
  { exposed, verdicts }: Exposure,
  frontEnds: readonly Collection<Route>[],
): Routes {
  const read = graph.union('route resources as read', frontEnds);
  const given = graph.derive('route resources', read, soundRoute);
  const problems = graph.derive('problems of routes', read, (route) => some(routeProblems(route)));
  const byParent = given.index('parent', ({ parent }) => [parentKey(parent)]);
  const said = graph.group('route resources of ports', byParent, (key, read) => {
    const routes = read.values(byParent, key).filter(({ parent }) => 'service' in parent);
    return routes.length > 0 ? routes : undefined;
  });
  const own = graph.deriveMany('routes of replicas', services, (service, read) =>
    portsOf(service).flatMap(({ port, protocol }) => {
      if (protocol === 'tcp') return [];
      const mainPort = (id: ServiceId) => read.get(facts.services, id)?.ports[0]?.port;
      return [[parentKey({ service: service.id, port }), [ownReplicas(service, port, mainPort)]] as const];
    }),
  );
  const ofPorts = graph.union<readonly Route[]>('routes of ports', [said, own]);
  const contractRoutes = graph.derive('routes of contracts', exposed, ({ gateway, service }, read, key) => {
    const methods = read.get(merged, service)?.methods;
    const port = read.get(facts.services, service)?.ports[0]?.port;
    const hosts = read.get(verdicts, key)?.hosts;
    if (methods === undefined || port === undefined || hosts === undefined) return undefined;
    return { ...exposedMethods(gateway, service, port, methods), hostnames: hosts.includes(anyHost) ? none : hosts };
  });
  return {
    given,
    problems,
    ofPorts,
    ofGateways: graph.union('routes of gateways', [
      graph.derive('route resources of gateways', given, (route) => ('gateway' in route.parent ? route : undefined)),
      contractRoutes,
    ]),
    atGateway: keysAt(byParent, contractRoutes),
  };
}

function keysAt(byParent: Index<Route>, contractRoutes: Collection<Route>): Routes['atGateway'] {
  const own = contractRoutes.index('parent', ({ parent }) => [parentKey(parent)]);
  return (gateway, read) => {
    const key = parentKey({ gateway });
    return [...read.keys(byParent, key), ...read.keys(own, key)];
  };
}

/** Shared by all routes that have none of something. */
const none: readonly never[] = [];

/** All calls to a port go to the service's own replicas, and copies of some to their methods' mirrors. */
function ownReplicas(
  { id, port: main, methods }: Pick<Service, 'id' | 'port' | 'methods'>,
  port: number,
  mainPort: (id: ServiceId) => number | undefined,
): Route {
  const backends = [{ service: id, port, weight: 1 }];
  const copied = port === main ? [...methods.values()].filter(({ mirror }) => mirror !== undefined) : [];
  const copies = [...Map.groupBy(copied, ({ mirror }) => mirror)].flatMap(([mirror, of]): Rule[] => {
    const at = mirror && mainPort(mirror);
    if (mirror === undefined || at === undefined) return [];
    const to = { service: mirror, port: at };
    return [{ matches: of.map(matchOf), filters: [{ is: 'requestMirror', to, onRequest: true }], backends }];
  });
  return {
    parent: { service: id, port },
    hostnames: none,
    rules: [...copies, { matches: none, filters: none, backends }],
    origin: { is: 'resource', ref: serviceRef(id) },
  };
}

/** What a service's contract opens to a gateway goes to the service. A method's REST paths go where its gRPC path does. */
function exposedMethods(gateway: string, service: ServiceId, port: number, methods: Service['methods']): Route {
  const opened = [...methods.values()].filter(({ callers, denied }) => callers.has(gateway) || denied?.has(gateway));
  const grpcServices = [...new Set(opened.flatMap(({ grpcService }) => grpcService || []))];
  const paths = opened.filter(({ grpcService }) => grpcService === '');
  return {
    parent: { gateway },
    hostnames: none,
    rules: [
      {
        matches: [...grpcServices.map((name) => ({ grpc: { service: name } })), ...paths.map(matchOf)],
        filters: none,
        backends: [{ service, port, weight: 1 }],
      },
    ],
    origin: originOf(service, grpcServices),
  };
}

function originOf(service: ServiceId, [first]: readonly string[]): PolicyOrigin {
  return first === undefined ? { is: 'resource', ref: serviceRef(service) } : { is: 'contract', service: first };
}

function matchOf({ path, grpcService, name }: Pick<Method, 'path' | 'grpcService' | 'name'>): RuleMatch {
  if (grpcService !== '') return { grpc: { service: grpcService, method: name } };
  return { path: path.endsWith('/*') ? { prefix: path.slice(0, -1) } : { exact: path } };
}
