import type { VirtualHost } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import { type SocketAddress, servedAt, type Workload } from '../model/workload.ts';
import { outboundPort } from '../pod/ports.ts';
import { directClusterResource, passThroughClusterResource } from './cluster-original-destination.ts';
import { serviceClusterResource } from './cluster-service.ts';
import { isIpv6 } from './inbound.ts';
import { outboundListener } from './listener-outbound.ts';
import { type Destination, originalDestinationListener } from './listener-outbound-original-destination.ts';
import { directCluster, serviceCluster } from './names.ts';
import { type OutboundTarget, outboundTargets } from './outbound-target.ts';
import type { Resource } from './resource.ts';
import { directRoutes } from './route-direct.ts';
import { openRoutes, openVirtualHost } from './route-open.ts';
import { outboundRoutes, virtualHost } from './route-outbound.ts';

/** What the proxy of a workload holds for the calls of its application, without endpoints. `names`: the workload's own logical names. */
export function outboundResources(
  mesh: Mesh,
  workload: Workload,
  names: CallerNames,
  serviceName: string,
): readonly Resource[] {
  const { pod, namespace } = workload;
  const listen = listenAddress(workload);
  if (listen === undefined) return [];
  const targets = targetsOf(mesh.services, namespace, names);
  const callees = [routesOf(targets, names), ...targets.map((target) => clusterOf(target, mesh.settings))];
  if (pod?.interception !== 'redirect') {
    return [outboundListener(mesh.settings, { listen }, serviceName), ...callees];
  }
  const destinations = meshDestinations(mesh.workloads, targets);
  const external = mesh.externalServices.filter((service) => service.namespace === namespace);
  return [
    originalDestinationListener(
      mesh.settings,
      { mesh: destinations, external },
      serviceName,
      pod.addresses.some(isIpv6),
    ),
    passThroughClusterResource,
    ...callees,
    ...directResources(targets, names),
  ];
}

/** What the application of a workload may call through its proxy. */
export function sidecarTargets(mesh: Mesh, workload: Workload, names: CallerNames): readonly OutboundTarget[] {
  return listenAddress(workload) === undefined ? [] : targetsOf(mesh.services, workload.namespace, names);
}

/** The logical names by which a workload calls, with a space between. */
type CallerNames = string;

function listenAddress({ pod, outbound }: Workload): SocketAddress | undefined {
  return pod ? { host: '127.0.0.1', port: outboundPort } : outbound?.listen;
}

// What a sidecar holds of the services that it may call is the same for all in its namespace and zone that go by the same names, and
// what does not depend on replicas is found again as long as no service changes.

const targetsOf = memoize(
  (services: Mesh['services'], namespace: string, names: CallerNames): readonly OutboundTarget[] =>
    outboundTargets(services, namespace, namesIn(names)),
);

const routesOf = memoize((targets: readonly OutboundTarget[], names: CallerNames): Resource => {
  const callees = targets.filter(({ byMethod }) => byMethod).map((target) => calleeHost(target, names));
  const open = targets.filter(({ byMethod, protocol }) => !byMethod && protocol !== 'tcp').map(openHost);
  return outboundRoutes(...callees, ...open);
});

const calleeHost = memoize(
  ({ service, hosts }: OutboundTarget, names: CallerNames): VirtualHost => virtualHost(service, hosts, namesIn(names)),
);

const clusterOf = memoize(
  ({ service, protocol, otherPort }: OutboundTarget, settings: Mesh['settings']): Resource =>
    serviceClusterResource(settings, service, otherPort === undefined ? undefined : { port: otherPort, protocol }),
);

/** What a sidecar holds besides of replicas that the application chooses itself. */
const directResources = memoize((targets: readonly OutboundTarget[], names: CallerNames): readonly Resource[] =>
  targets
    .filter(({ service }) => service.headless)
    .flatMap(({ service, port, protocol, byMethod }) => {
      const cluster = directClusterResource(service, port, protocol);
      if (protocol === 'tcp') return [cluster];
      const name = directCluster(service.id, port);
      const routes = byMethod
        ? directRoutes(service, namesIn(names), name)
        : openRoutes(name, name, service.logicalName ?? service.id);
      return [cluster, routes];
    }),
);

const meshDestinations = memoize(
  (workloads: Mesh['workloads'], targets: readonly OutboundTarget[]): readonly Destination[] =>
    targets.flatMap((target) => destinationsOf(workloads, target)),
);

function namesIn(names: CallerNames): LogicalName[] {
  return names === '' ? [] : names.split(' ');
}

const openHost = memoize(({ service, port, protocol, otherPort, hosts }: OutboundTarget): VirtualHost => {
  // HTTP leaves out port 80, and callers by logical name leave out any.
  const bare = otherPort === undefined || (port === 80 && service.protocol === 'tcp');
  const domains = hosts.flatMap((host) => [...(bare ? [host] : []), `${host}:${port}`]);
  const cluster = serviceCluster(service.id, otherPort);
  return openVirtualHost(
    `${service.id}|${port} ${protocol}`,
    domains.join(' '),
    cluster,
    service.logicalName ?? service.id,
  );
});

/** Where calls of a service go, to its own addresses or, when it has none, to those of its replicas. */
function destinationsOf(
  workloads: Mesh['workloads'],
  { service, port, protocol, otherPort }: OutboundTarget,
): Destination[] {
  const common = { service: service.id, port, protocol, isMain: otherPort === undefined, headless: service.headless };
  if (!service.headless) return [{ ...common, addresses: service.addresses, at: port }];
  const byPort = new Map<number, string[]>();
  for (const id of service.workloads) {
    const workload = workloads.get(id);
    const at = workload && servedAt(workload, service.id, port, otherPort === undefined)?.listen.port;
    if (at !== undefined) byPort.set(at, [...(byPort.get(at) ?? []), ...(workload?.pod?.addresses ?? [])]);
  }
  return [...byPort].map(([at, addresses]) => ({ ...common, addresses, at }));
}
