import type { Collection, Graph } from '@weft/collections';
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
import type { CalledService } from './called-services.ts';
import { type Calls, callsOf } from './calls.ts';
import { type Contribution, type ContributionSource, serviceSource, versionOfPart } from './contribution.ts';
import { serviceCluster } from './names.ts';
import type { OutboundTarget } from './outbound-target.ts';
import { portRoutes } from './places.ts';
import { type Reach, reach } from './reach.ts';
import { openHost, openVirtualHost } from './route-open.ts';
import { hostField, permittedMethods, virtualHost } from './route-outbound.ts';

/** The virtual hosts of what proxies call. */
export interface OutboundHosts {
  /** By `targetKey`: the key in `virtualHosts`; "": it has none. */
  readonly hosts: Collection<string>;
  /** Each once for all who have it. */
  readonly virtualHosts: Collection<Contribution>;
}

/** A virtual host as JSON: what tells it apart from others. */
export type HostKey =
  /** At the main port. 'all': every method, at all replicas of every destination. */
  | {
      readonly id: ServiceId;
      readonly domains: readonly string[];
      readonly permitted: readonly Permitted[] | 'all';
      /** What rewrites of paths may lead to. Absent: there are none. */
      readonly rewritten?: readonly Permitted[];
    }
  | {
      readonly open: string;
      readonly id: ServiceId;
      readonly domains: readonly string[];
      readonly port: number;
      readonly reaches: readonly Reach[];
      readonly rewritten?: readonly Permitted[];
    }
  /** As the last, where all calls go to the service's own replicas. */
  | {
      readonly open: string;
      readonly id: ServiceId;
      readonly domains: readonly string[];
      readonly callee: string;
      readonly cluster: string;
    };

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
    const { service, port } = target;
    const own = { service: service.id, port };
    const routed = read.get(elsewhere, parentKey(own));
    const destinations = routed?.destinations ?? [own];
    const targetOf = (to: Destination) => {
      if (to.service === service.id && to.port === port) return target;
      const main = read.get(called, to.service)?.port;
      const name = serviceCluster(to.service, to.port === main ? undefined : to.port);
      return read.get(calls.byTarget, `${callsOf(key)}\n${name}`);
    };
    const reaches = (path: string) => destinations.map((to) => reach(to, targetOf(to), by.names, path));
    const callable = routed?.rewrites
      ? [...new Set(destinations.flatMap((to) => callablePaths(read.get(called, to.service), to.port)))]
      : [];
    const rewritten = callable
      .map((path): Permitted => [path, reaches(path)])
      .filter(([, reached]) => reached.some((way) => way !== false));
    return hostKey(target, by.names, routed === undefined, reaches, routed?.rewrites ? { rewritten } : {});
  });
  const virtualHosts = graph.group(
    'virtual hosts',
    hosts.index('host', (host) => (host === '' ? [] : [host])),
    (text, read): Contribution | undefined => {
      const key: HostKey = JSON.parse(text);
      const says = (host: Uint8Array): Contribution => ({
        key: 'open' in key ? key.open : key.id,
        version: versionOfPart(host),
        said: { host },
        sources: read.get(sources, key.id) ?? [serviceSource(key.id)],
      });
      if ('cluster' in key) return says(hostField(openHost(key.open, key.domains, key.cluster, key.callee)));
      const service = read.get(called, key.id);
      if (service === undefined) return undefined;
      const port = 'open' in key ? key.port : service.port;
      const rules = rulesOf(read.get(ofPorts, parentKey({ service: key.id, port })) ?? []);
      const routes = portRoutes(rules, (id) => (id === key.id ? service : read.get(called, id)));
      if ('open' in key) {
        return says(hostField(openVirtualHost(key.open, key.domains, service, routes, key.reaches, key.rewritten)));
      }
      const everywhere = routes.places.destinations.map(() => true);
      const permitted =
        key.permitted === 'all'
          ? [...service.methods.keys()].map((path) => [path, everywhere] as const)
          : key.permitted;
      return says(hostField(virtualHost(service, key.domains, permitted, routes, key.rewritten)));
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

/** "" where a target has no virtual host. `plain`: see `isPlain`. `reaches`: how callers of these names reach where calls to a path may go. */
function hostKey(
  target: OutboundTarget,
  names: readonly LogicalName[],
  plain: boolean,
  reaches: (path: string) => readonly Reach[],
  rewritten: { readonly rewritten?: readonly Permitted[] },
): string {
  const { service, port, protocol, otherPort, byMethod, hosts } = target;
  if (byMethod) {
    const permitted = permittedMethods(service.methods, names, reaches);
    const isAll =
      permitted.length === service.methods.size &&
      permitted.every(([, reached]) => reached.every((reach) => reach === true));
    const key: HostKey = { id: service.id, domains: hosts, permitted: isAll ? 'all' : permitted, ...rewritten };
    return JSON.stringify(key);
  }
  if (protocol === 'tcp') return '';
  // HTTP leaves out port 80, and callers by logical name leave out any.
  const bare = otherPort === undefined || (port === 80 && service.protocol === 'tcp');
  const common = {
    open: `${service.id}|${port} ${protocol}`,
    id: service.id,
    domains: hosts.flatMap((host) => [...(bare ? [host] : []), `${host}:${port}`]),
  };
  const key: HostKey = plain
    ? { ...common, callee: service.logicalName ?? service.id, cluster: serviceCluster(service.id, otherPort) }
    : { ...common, port, reaches: reaches('/*'), ...rewritten };
  return JSON.stringify(key);
}

function rulesOf(routes: readonly Route[]): readonly Rule[] {
  return routes.flatMap(({ rules }) => rules);
}
