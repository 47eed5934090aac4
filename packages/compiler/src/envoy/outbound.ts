import type { Collection, Graph, Index } from '@weft/collections';
import { defaultSettings } from '../facts/default-settings.ts';
import { settingsKey } from '../facts/fact-collections.ts';
import { portsOf } from '../model/port-access.ts';
import { isServiceBackend, parentKey } from '../model/route.ts';
import type { ServicePort } from '../model/service.ts';
import { servedAt } from '../model/workload.ts';
import type { Translation } from '../translation/translate.ts';
import type { CalledService, CalledServices } from './called-services.ts';
import { type Calls, callsOf, targetKey } from './calls.ts';
import { againClusterResource } from './cluster-again.ts';
import { directClusterResource } from './cluster-original-destination.ts';
import { serviceClusterResource } from './cluster-service.ts';
import {
  type Contribution,
  type ContributionSource,
  type SetAside,
  sameContributions,
  withoutSetAside,
} from './contribution.ts';
import { gatewayListener } from './listener-gateway.ts';
import { outboundListener } from './listener-outbound.ts';
import { type Destination, originalDestinationListener } from './listener-outbound-original-destination.ts';
import { directCluster, serviceCluster } from './names.ts';
import { outboundHosts } from './outbound-hosts.ts';
import type { CallsKey, ListenerKey, Proxies } from './proxies.ts';
import { type Resource, sameResource } from './resource.ts';
import { directRoutes } from './route-direct.ts';
import { openRoutes } from './route-open.ts';
import { outboundRoutes } from './route-outbound.ts';

/** What proxies hold for the calls of their applications, each made once for all that share it. */
export interface Outbound {
  /** By name: of each port of a service that somebody calls, and of headless ones' replicas. */
  readonly clusters: Collection<Resource>;
  /** By `ProxyKeys.calls`: what the routes of sidecars are made of, what is set aside included. */
  readonly offered: Collection<readonly Contribution[]>;
  /** The same without what is set aside. */
  readonly contributions: Collection<readonly Contribution[]>;
  /** By `ProxyKeys.calls`: of sidecars. */
  readonly routes: Collection<Resource>;
  /** By `directRoutesKey`: those of the replicas of a headless service. */
  readonly directRoutes: Collection<Resource>;
  /** By `ProxyKeys.listener`; gateways' too. */
  readonly listeners: Collection<Resource>;
  /** By `ProxyKeys.listener`: where a sidecar sends calls once more, through its own listener. */
  readonly again: Collection<Resource>;
}

const same = { same: sameResource };

/** Makes what leads from a proxy to the services that it may call. */
export function outbound(
  graph: Graph,
  mesh: Translation,
  proxies: Proxies,
  { called }: CalledServices,
  calls: Calls,
  byClusterName: Index<ReadonlySet<string>>,
  sources: Collection<readonly ContributionSource[]>,
  setAside: Collection<SetAside>,
): Outbound {
  const clusters = serviceClusters(graph, mesh, called, byClusterName);
  const { hosts, virtualHosts } = outboundHosts(graph, mesh, called, calls, sources);
  const offered = graph.derive(
    'hosts of callers',
    calls.targets,
    (targets, read, key): readonly Contribution[] | undefined => {
      const by = read.get(calls.keys, key);
      if (by === undefined || 'gateway' in by) return undefined;
      // Methods first: their hosts have names of their own.
      const inOrder = [...targets.filter(({ byMethod }) => byMethod), ...targets.filter(({ byMethod }) => !byMethod)];
      return inOrder.flatMap((target) => read.get(virtualHosts, read.get(hosts, targetKey(key, target)) ?? '') ?? []);
    },
    { same: sameContributions },
  );
  const contributions = graph.derive(
    'hosts that are sent',
    offered,
    (found, read, key) => withoutSetAside(found, read.get(setAside, key)),
    { same: sameContributions },
  );
  const routes = graph.derive('outbound routes', contributions, outboundRoutesOf, same);
  const direct = graph.deriveMany(
    'direct routes',
    calls.byTarget,
    (target, read, key) => {
      const { service, port, protocol, byMethod } = target;
      const by = read.get(calls.keys, callsOf(key));
      if (!service.headless || protocol === 'tcp' || by === undefined || 'gateway' in by) return [];
      const name = directCluster(service.id, port);
      const routes = byMethod
        ? directRoutes(service, by.names, name)
        : openRoutes(name, name, service.logicalName ?? service.id);
      return [[directRoutesKey(callsOf(key), name), routes]];
    },
    same,
  );
  const again = graph.group(
    'clusters of own listeners',
    proxies.byListener,
    (text) => {
      const { calls: callsKey, listen }: ListenerKey = JSON.parse(text);
      const by: CallsKey = JSON.parse(callsKey);
      return 'gateway' in by ? undefined : againClusterResource(listen);
    },
    same,
  );
  return {
    clusters,
    offered,
    contributions,
    routes,
    directRoutes: direct,
    listeners: listeners(graph, mesh, proxies, calls),
    again,
  };
}

/** The routes of a sidecar that are made of these contributions. */
export function outboundRoutesOf(contributions: readonly Contribution[]): Resource {
  return outboundRoutes(contributions.flatMap(({ said }) => ('host' in said ? said.host : [])));
}

/** Routes to the replicas of a headless service, for all who call by a key. */
export function directRoutesKey(calls: string, name: string): string {
  return `${calls}\n${name}`;
}

/** What decides a cluster: a port of a service, behind its balanced replicas or behind the one that the application has chosen. */
interface ClusterSettings {
  readonly service: Pick<CalledService, 'id' | 'identities' | 'retryBudget' | 'protocol'>;
  readonly port: ServicePort;
  readonly isMain: boolean;
  readonly direct: boolean;
}

/** By name; only those that somebody holds are encoded. */
function serviceClusters(
  graph: Graph,
  { facts, routes }: Translation,
  called: Collection<CalledService>,
  byClusterName: Index<ReadonlySet<string>>,
): Collection<Resource> {
  const zoneAware = graph.derive('preference of zones', facts.settings, (settings) => settings.zoneAware);
  const settings = graph.deriveMany('cluster settings', called, function* (one): Iterable<[string, ClusterSettings]> {
    const { id, identities, retryBudget, protocol } = one;
    const service = { id, identities, retryBudget, protocol };
    for (const port of portsOf(one)) {
      const isMain = port.port === one.port;
      yield [serviceCluster(id, isMain ? undefined : port.port), { service, port, isMain, direct: false }];
      if (one.headless) yield [directCluster(id, port.port), { service, port, isMain, direct: true }];
    }
  });
  const affine = routes.given.index('session affinity', ({ rules }) => {
    const backends = rules.flatMap((rule) => (rule.sessionAffinity ? rule.backends.filter(isServiceBackend) : []));
    return new Set(backends.map(parentKey));
  });
  return graph.group(
    'clusters',
    byClusterName,
    (name, read) => {
      const found = read.get(settings, name);
      if (found === undefined) return undefined;
      const { service, port, isMain, direct } = found;
      if (direct) return directClusterResource(service, port.port, port.protocol);
      const mesh = { zoneAware: read.get(zoneAware, settingsKey) ?? defaultSettings.zoneAware };
      const isAffine = read.keys(affine, parentKey({ service: service.id, port: port.port })).length > 0;
      return serviceClusterResource(mesh, service, isMain ? undefined : port, isAffine);
    },
    same,
  );
}

function listeners(graph: Graph, mesh: Translation, { byListener }: Proxies, calls: Calls): Collection<Resource> {
  const { facts, services, workloads } = mesh;
  const external = facts.externalServices.index('namespace', ({ namespace }) => [namespace]);
  const replicas = graph.derive('addresses of replicas', services.services, (service, read) => {
    if (!service.headless) return undefined;
    const found = service.workloads.flatMap((id) => read.get(workloads.workloads, id) ?? []);
    return portsOf(service).map(({ port }) => {
      const byPort = new Map<number, string[]>();
      for (const workload of found) {
        const at = servedAt(workload, service.id, port, port === service.port)?.listen.port;
        if (at !== undefined) byPort.set(at, [...(byPort.get(at) ?? []), ...(workload.pod?.addresses ?? [])]);
      }
      return { port, places: [...byPort].map(([at, addresses]) => ({ at, addresses })) };
    });
  });
  const destinations = graph.derive('destinations', calls.addressed, (targets, read): readonly Destination[] =>
    targets.flatMap((target) => {
      const { service, port, protocol, otherPort } = target;
      const { id, headless, addresses } = service;
      const common = { service: id, port, protocol, isMain: otherPort === undefined, headless };
      if (!headless) return [{ ...common, addresses, at: port }];
      const places = read.get(replicas, id)?.find((each) => each.port === port)?.places ?? [];
      return places.map((place) => ({ ...common, ...place }));
    }),
  );
  return graph.group(
    'listeners',
    byListener,
    (text, read) => {
      const key: ListenerKey = JSON.parse(text);
      const { calls: callsKey, listen, redirected, serviceName, accessLog } = key;
      const settings = read.get(facts.settings, settingsKey) ?? defaultSettings;
      const by = read.get(calls.keys, callsKey);
      if (by !== undefined && 'gateway' in by) {
        const gateway = read.get(facts.gateways, by.gateway);
        return gateway && gatewayListener(settings, gateway, listen, accessLog);
      }
      if (redirected === undefined) return outboundListener(settings, { listen }, { serviceName, accessLog });
      const where = {
        mesh: read.get(destinations, callsKey) ?? [],
        external: by === undefined ? [] : read.values(external, by.namespace),
      };
      return originalDestinationListener(settings, where, { serviceName, accessLog }, redirected);
    },
    same,
  );
}
