import { create } from '@bufbuild/protobuf';
import type { Collection, Graph } from '@weft/collections';
import { type Route as EnvoyRoute, VirtualHostSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { LogicalName, ServiceId } from '../model/mesh.ts';
import { rewritesPaths } from '../model/path-rewrite.ts';
import {
  type Destination,
  destinationsOf,
  isServiceBackend,
  parentKey,
  type Route,
  type Rule,
} from '../model/route.ts';
import type { Translation } from '../translation/translate.ts';
import { callablePaths, type Permitted } from './called-paths.ts';
import { bareRoutes } from './called-port.ts';
import type { CalledService } from './called-services.ts';
import { type Calls, callsOf } from './calls.ts';
import { type Contribution, type ContributionSource, serviceSource, versionOfPart } from './contribution.ts';
import { serviceCluster } from './names.ts';
import type { OutboundTarget, PortChoice } from './outbound-target.ts';
import { portRoutes } from './places.ts';
import { type Reach, reach } from './reach.ts';
import { openRoute, openRuleRoutes } from './route-open.ts';
import { hostField, methodRoutes, permittedMethods } from './route-outbound.ts';

/** The virtual hosts of what proxies call. */
export interface OutboundHosts {
  /** By `targetKey`: the key in `virtualHosts`; "": it has none. */
  readonly hosts: Collection<string>;
  /** Each once for all who have it. */
  readonly virtualHosts: Collection<Contribution>;
}

/** A virtual host as JSON: what tells it apart from others. */
export interface HostKey {
  readonly name: string;
  readonly id: ServiceId;
  readonly domains: readonly string[];
  readonly way: Way;
  /** Absent: a call without a port in its host name means the way's. */
  readonly choice?: Omit<PortChoice, 'others'> & { readonly others: readonly Way[] };
}

/** Where calls to a port go. */
type Way = {
  readonly port: number;
  /** What rewrites of paths may lead to. Absent: there are none. */
  readonly rewritten?: readonly Permitted[];
} & (
  | /** 'all': every method, at all replicas of every destination. */ {
      readonly permitted: readonly Permitted[] | 'all';
    }
  | { readonly reaches: readonly Reach[] }
  /** To the service's own replicas. */
  | { readonly callee: string; readonly cluster: string }
);

/** Where the routes of a port lead. */
interface Elsewhere {
  readonly destinations: readonly Destination[];
  /** Calls get there with other paths. */
  readonly rewrites: boolean;
}

/** Makes the virtual hosts by which sidecars send calls where the routes of services say. */
export function outboundHosts(
  graph: Graph,
  { routes: { ofPorts } }: Translation,
  called: Collection<CalledService>,
  calls: Calls,
  sources: Collection<readonly ContributionSource[]>,
): OutboundHosts {
  // Weights and matches are no part of it, so that they change no host's key.
  const elsewhere = graph.derive('routes elsewhere', ofPorts, (routes, _, key): Elsewhere | undefined => {
    const rules = rulesOf(routes);
    return isPlain(routes, key)
      ? undefined
      : { destinations: destinationsOf(rules), rewrites: rules.some(rewritesPaths) };
  });
  const hosts = graph.derive('host of a target', calls.byTarget, (target, read, key): string | undefined => {
    const by = read.get(calls.keys, callsOf(key));
    if (by === undefined || 'gateway' in by) return undefined;
    const targetAt = (service: CalledService, port: number) => {
      const name = serviceCluster(service.id, port === service.port ? undefined : port);
      return read.get(calls.byTarget, `${callsOf(key)}\n${name}`);
    };
    const wayTo = (one: OutboundTarget): Way => {
      const own = { service: one.service.id, port: one.port };
      const routed = read.get(elsewhere, parentKey(own));
      const destinations = routed?.destinations ?? [own];
      const targetOf = (to: Destination) => {
        if (to.service === own.service && to.port === own.port) return one;
        const service = read.get(called, to.service);
        return service && targetAt(service, to.port);
      };
      const reaches = (path: string) => destinations.map((to) => reach(to, targetOf(to), by.names, path));
      const callable = routed?.rewrites
        ? [...new Set(destinations.flatMap((to) => callablePaths(read.get(called, to.service), to.port)))]
        : [];
      const rewritten = callable
        .map((path): Permitted => [path, reaches(path)])
        .filter(([, reached]) => reached.some((way) => way !== false));
      return way(one, by.names, routed === undefined, reaches, routed?.rewrites ? { rewritten } : {});
    };
    const others = target.choice?.others.flatMap((port) => targetAt(target.service, port) ?? []) ?? [];
    return hostKey(target, wayTo(target), others.map(wayTo));
  });
  const virtualHosts = graph.group(
    'virtual hosts',
    hosts.index('host', (host) => (host === '' ? [] : [host])),
    (text, read): Contribution | undefined => {
      const { name, id, domains, way: own, choice }: HostKey = JSON.parse(text);
      // Callers who reach only the service's own replicas need not know it.
      const find = () => read.get(called, id);
      const routesOf = (to: Way): readonly EnvoyRoute[] => {
        if ('cluster' in to) return [openRoute(to.cluster, to.callee)];
        const service = find();
        if (service === undefined) return [];
        const rules = rulesOf(read.get(ofPorts, parentKey({ service: id, port: to.port })) ?? []);
        const routes = portRoutes(rules, (other) => (other === id ? service : read.get(called, other)));
        if ('reaches' in to) return openRuleRoutes(service, routes, to.reaches, to.rewritten);
        const everywhere = routes.places.destinations.map(() => true);
        const permitted =
          to.permitted === 'all'
            ? [...service.methods.keys()].map((path) => [path, everywhere] as const)
            : to.permitted;
        return methodRoutes(service, permitted, routes, to.rewritten);
      };
      const ownRoutes = routesOf(own);
      if (ownRoutes.length === 0) return undefined;
      const routes = choice
        ? bareRoutes(
            { id, port: own.port, ...choice },
            ownRoutes,
            choice.others.map((other) => [other.port, routesOf(other)] as const),
          )
        : ownRoutes;
      const host = hostField(create(VirtualHostSchema, { name, domains: [...domains], routes: [...routes] }));
      return {
        key: name,
        version: versionOfPart(host),
        said: { host },
        sources: read.get(sources, id) ?? [serviceSource(id)],
      };
    },
  );
  return { hosts, virtualHosts };
}

/** Whether all that is said of a port is that its calls go to the service's own replicas. */
function isPlain(routes: readonly Route[], key: string): boolean {
  const [rule, ...others] = rulesOf(routes);
  if (rule === undefined || others.length > 0) return false;
  const { matches, filters, backends, ...rest } = rule;
  const [backend, ...more] = backends;
  if (backend === undefined || !isServiceBackend(backend) || more.length > 0) return false;
  const { service, port, weight, ...pinned } = backend;
  const { length } = [...matches, ...filters, ...Object.keys(rest), ...Object.keys(pinned)];
  return length === 0 && weight > 0 && parentKey({ service, port }) === key;
}

/** "" where a target has no virtual host. */
function hostKey(
  { service, port, protocol, byMethod, hosts, bare, choice }: OutboundTarget,
  own: Way,
  others: readonly Way[],
): string {
  if (protocol === 'tcp') return '';
  const named = new Set(bare);
  const key: HostKey = {
    name: byMethod ? service.id : `${service.id}|${port} ${protocol}`,
    id: service.id,
    domains: hosts.flatMap((host) => [...(named.has(host) ? [host] : []), `${host}:${port}`]),
    way: own,
    ...(choice ? { choice: { ...choice, others } } : {}),
  };
  return JSON.stringify(key);
}

/** `plain`: see `isPlain`. `reaches`: how callers of these names reach where calls to a path may go. */
function way(
  { service, port, otherPort, byMethod }: OutboundTarget,
  names: readonly LogicalName[],
  plain: boolean,
  reaches: (path: string) => readonly Reach[],
  rewritten: Pick<Way, 'rewritten'>,
): Way {
  if (byMethod) {
    const permitted = permittedMethods(service.methods, names, reaches);
    const isAll =
      permitted.length === service.methods.size &&
      permitted.every(([, reached]) => reached.every((reach) => reach === true));
    return { port, permitted: isAll ? 'all' : permitted, ...rewritten };
  }
  const callee = service.logicalName ?? service.id;
  return plain
    ? { port, callee, cluster: serviceCluster(service.id, otherPort) }
    : { port, reaches: reaches('/*'), ...rewritten };
}

function rulesOf(routes: readonly Route[]): readonly Rule[] {
  return routes.flatMap(({ rules }) => rules);
}
