import type { Collection, Graph } from '@weft/collections';
import { portAccess } from '../model/port-access.ts';
import type { Translation } from '../translation/translate.ts';
import { type CalledServices, calledBy, neighborKey } from './called-services.ts';
import { knownCallees, type SeenCalls } from './known-callees.ts';
import { serviceCluster } from './names.ts';
import { type OutboundTarget, outboundTargets } from './outbound-target.ts';
import type { CallsKey, Proxies } from './proxies.ts';

/** What proxies call, by `ProxyKeys.calls`. */
export interface Calls {
  readonly keys: Collection<CallsKey>;
  readonly targets: Collection<readonly OutboundTarget[]>;
  /**
   * The targets, and those of the same namespace that sidecars are not told of before the first call: a listener must know their
   * addresses, so that a redirected call reaches the routes that hold it back until they are told.
   */
  readonly addressed: Collection<readonly OutboundTarget[]>;
  /** The same, each for itself, by `targetKey`. */
  readonly byTarget: Collection<OutboundTarget>;
  /** The names of the clusters, which are those of their endpoints, in the order of the targets. */
  readonly clusters: Collection<readonly string[]>;
}

/** Finds out what each kind of connected proxy calls, of all that it may call. `seen`: whom applications were seen to call. */
export function proxyCalls(
  graph: Graph,
  mesh: Pick<Translation, 'services' | 'routes'>,
  { byCalls }: Proxies,
  services: CalledServices,
  seen: SeenCalls,
): Calls {
  const keys = graph.group('calls', byCalls, (key): CallsKey => JSON.parse(key));
  const known = knownCallees(graph, mesh, services, seen);
  const targets = graph.derive('targets', keys, (key, read, text): readonly OutboundTarget[] => {
    if ('gateway' in key) {
      return calledBy(services, [key.gateway], read).map((service) => {
        const { port, protocol } = service;
        return { service, port, protocol, byMethod: true, hosts: [], bare: [] };
      });
    }
    const { namespace, names } = key;
    const callees = known(key, text, read);
    const open = read.values(services.byNamespace, namespace);
    const found = [...callees].flatMap((id) => read.get(services.called, id) ?? []);
    // A service whose other ports are its namespace's own is not called at its main port for that.
    return outboundTargets(new Set([...open, ...found]), namespace, names).filter(
      ({ service, port }) => callees.has(service.id) || portAccess(service, port) === 'namespace',
    );
  });
  const addressed = graph.derive('targets addressed', targets, (found, read, text): readonly OutboundTarget[] => {
    const key = read.get(keys, text);
    if (key === undefined || 'gateway' in key) return found;
    const { namespace, names } = key;
    const neighbors = names.flatMap((name) => read.values(services.byNeighbor, neighborKey(namespace, name)));
    const all = new Set([...found.map(({ service }) => service), ...neighbors]);
    return outboundTargets(all, namespace, names);
  });
  const byTarget = graph.deriveMany('targets by key', targets, (found, _, key) =>
    found.map((target) => [targetKey(key, target), target] as const),
  );
  const clusters = graph.derive('clusters called', targets, (found) => found.map(clusterName));
  return { keys, targets, addressed, byTarget, clusters };
}

/** The cluster of a target, and its endpoints. */
export function clusterName({ service, otherPort }: OutboundTarget): string {
  return serviceCluster(service.id, otherPort);
}

/** One target of those who call by a key. */
export function targetKey(calls: string, target: OutboundTarget): string {
  return `${calls}\n${clusterName(target)}`;
}

/** The part of a `targetKey` that is `ProxyKeys.calls`. */
export function callsOf(key: string): string {
  return key.slice(0, key.indexOf('\n'));
}
