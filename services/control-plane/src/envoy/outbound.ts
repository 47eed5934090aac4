import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import { servedAt, type Workload } from '../model/workload.ts';
import type { Resource } from '../xds/resource.ts';
import { type CallerZones, callerZones } from './caller-zones.ts';
import { directClusterResource, passThroughClusterResource } from './cluster-original-destination.ts';
import { serviceClusterResource } from './cluster-service.ts';
import { endpoints } from './endpoints.ts';
import { isIpv6 } from './inbound.ts';
import { outboundListener } from './listener-outbound.ts';
import {
  type Destination,
  originalDestinationListener,
  outboundPort,
} from './listener-outbound-original-destination.ts';
import { directCluster, serviceCluster } from './names.ts';
import { type OutboundTarget, outboundTargets } from './outbound-target.ts';
import { directRoutes } from './route-direct.ts';
import { openRoutes, openVirtualHost } from './route-open.ts';
import { outboundRoutes } from './route-outbound.ts';

/** What the proxy of a workload holds for the calls of its application. `names`: the workload's own logical names. */
export function outboundResources(
  mesh: Mesh,
  workload: Workload,
  names: readonly LogicalName[],
  serviceName: string,
): readonly Resource[] {
  const { pod, namespace, outbound } = workload;
  const listen = pod ? { host: '127.0.0.1', port: outboundPort } : outbound?.listen;
  if (listen === undefined) return [];
  const zones = callerZones(mesh, workload);
  if (pod?.interception !== 'redirect') {
    return [
      outboundListener(mesh.settings, { listen }, serviceName),
      ...calleeResources(mesh, namespace, names.join(' '), zones),
    ];
  }
  const destinations = meshDestinations(mesh, namespace, names.join(' '));
  const external = mesh.externalServices.filter((service) => service.namespace === namespace);
  return [
    originalDestinationListener(
      mesh.settings,
      { mesh: destinations, external },
      serviceName,
      pod.addresses.some(isIpv6),
    ),
    passThroughClusterResource,
    ...calleeResources(mesh, namespace, names.join(' '), zones),
    ...directResources(mesh, namespace, names.join(' ')),
  ];
}

/** What a sidecar holds of the services that it may call: the same for all in its namespace and zone that go by the same names. */
const calleeResources = memoize(
  (mesh: Mesh, namespace: string, callerNames: string, zones: CallerZones | undefined): readonly Resource[] => {
    const names = namesIn(callerNames);
    const targets = targetsOf(mesh, namespace, callerNames);
    const callees = targets
      .filter(({ byMethod }) => byMethod)
      .map(({ service, hosts }) => ({ service, domains: hosts }));
    const open = targets.filter(({ byMethod, protocol }) => !byMethod && protocol !== 'tcp').map(openHost);
    return [
      outboundRoutes(callees, names, open),
      ...targets.flatMap(({ service, protocol, otherPort }) => [
        serviceClusterResource(
          mesh.settings,
          service,
          otherPort === undefined ? undefined : { port: otherPort, protocol },
        ),
        endpoints(mesh, service, otherPort, zones),
      ]),
    ];
  },
);

/** The same of replicas that the application chooses itself. */
const directResources = memoize((mesh: Mesh, namespace: string, callerNames: string): readonly Resource[] =>
  targetsOf(mesh, namespace, callerNames)
    .filter(({ service }) => service.headless)
    .flatMap(({ service, port, protocol, byMethod }) => {
      const cluster = directClusterResource(service, port, protocol);
      if (protocol === 'tcp') return [cluster];
      const name = directCluster(service.id, port);
      const routes = byMethod
        ? directRoutes(service, namesIn(callerNames), name)
        : openRoutes(name, name, service.logicalName ?? service.id);
      return [cluster, routes];
    }),
);

const targetsOf = memoize((mesh: Mesh, namespace: string, callerNames: string): readonly OutboundTarget[] =>
  outboundTargets(mesh, namespace, namesIn(callerNames)),
);

const meshDestinations = memoize((mesh: Mesh, namespace: string, callerNames: string): readonly Destination[] =>
  targetsOf(mesh, namespace, callerNames).flatMap((target) => destinationsOf(mesh, target)),
);

function namesIn(callerNames: string): LogicalName[] {
  return callerNames === '' ? [] : callerNames.split(' ');
}

function openHost({ service, port, protocol, otherPort, hosts }: OutboundTarget) {
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
}

/** Where calls of a service go, to its own addresses or, when it has none, to those of its replicas. */
function destinationsOf(mesh: Mesh, { service, port, protocol, otherPort }: OutboundTarget): Destination[] {
  const common = { service: service.id, port, protocol, isMain: otherPort === undefined, headless: service.headless };
  if (!service.headless) return [{ ...common, addresses: service.addresses, at: port }];
  const byPort = new Map<number, string[]>();
  for (const id of service.workloads) {
    const workload = mesh.workloads.get(id);
    const at = workload && servedAt(workload, service.id, port, otherPort === undefined)?.listen.port;
    if (at !== undefined) byPort.set(at, [...(byPort.get(at) ?? []), ...(workload?.pod?.addresses ?? [])]);
  }
  return [...byPort].map(([at, addresses]) => ({ ...common, addresses, at }));
}
