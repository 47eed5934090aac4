import type { Collection, Graph, Index, Turn } from '@weft/collections';
import type { Translation } from '../translation/translate.ts';
import { calledServices } from './called-services.ts';
import { type CallerEndpoints, callerEndpoints } from './caller-endpoints.ts';
import { type Calls, proxyCalls } from './calls.ts';
import { tracingClusterResource } from './cluster-tracing.ts';
import { type SetAside, sourcesOfServices } from './contribution.ts';
import { endpointPlaces } from './endpoints.ts';
import { type GatewayRoutes, routesOfGateways } from './gateway-routes.ts';
import { type Inbound, inbound } from './inbound.ts';
import type { SeenCalls } from './known-callees.ts';
import { directCluster } from './names.ts';
import { type Outbound, outbound } from './outbound.ts';
import { connectedProxies, type Proxies } from './proxies.ts';
import { type Resource, sameResource } from './resource.ts';

/** Everything that proxies hold, as collections; what several share is in them once. */
export interface BackEnd {
  readonly proxies: Proxies;
  readonly calls: Calls;
  /** The names of all clusters of those who call by a key: of services, and of headless ones' replicas. */
  readonly clusterNames: Collection<ReadonlySet<string>>;
  /** Those keys that hold a cluster. */
  readonly byClusterName: Index<ReadonlySet<string>>;
  readonly outbound: Outbound;
  readonly inbound: Inbound;
  readonly gateways: GatewayRoutes;
  readonly endpoints: CallerEndpoints;
  /** Under the key of the settings, while spans go somewhere. */
  readonly tracing: Collection<Resource>;
}

/**
 * Makes Envoy's resources of the mesh, for those proxies that are `connected`, by workload id. `seen`: whom applications call.
 * `setAside`: by `ProxyKeys.calls`, what must not be sent to those proxies.
 */
export function backEnd(
  graph: Graph,
  mesh: Translation,
  connected: Collection<true>,
  seen: SeenCalls,
  setAside: Collection<SetAside>,
): BackEnd {
  const services = calledServices(graph, mesh.services);
  const proxies = connectedProxies(graph, mesh, connected);
  const calls = proxyCalls(graph, mesh, proxies, services, seen);
  const clusterNames = graph.derive(
    'cluster names',
    calls.targets,
    (targets, read, key): ReadonlySet<string> =>
      new Set([
        ...(read.get(calls.clusters, key) ?? []),
        ...targets.flatMap(({ service, port }) => (service.headless ? [directCluster(service.id, port)] : [])),
      ]),
  );
  const sources = sourcesOfServices(graph, mesh);
  const byClusterName = clusterNames.index('name', (names) => names);
  return {
    proxies,
    calls,
    clusterNames,
    byClusterName,
    outbound: outbound(graph, mesh, proxies, services, calls, byClusterName, sources, setAside),
    inbound: inbound(graph, mesh, proxies, services),
    gateways: routesOfGateways(graph, mesh, services, calls, sources, setAside),
    endpoints: callerEndpoints(graph, proxies, calls, endpointPlaces(graph, mesh)),
    tracing: graph.derive('tracing', mesh.facts.settings, ({ tracing }) => tracing && tracingClusterResource(tracing), {
      same: sameResource,
    }),
  };
}

/** A turn, and what it did to the collections of the back end. */
export type BackEndTurn = Pick<Turn, 'changed'>;
