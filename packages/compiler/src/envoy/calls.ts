import type { Collection, Graph } from '@weft/collections';
import { type CalledServices, calledBy } from './called-services.ts';
import { serviceCluster } from './names.ts';
import { type OutboundTarget, outboundTargets } from './outbound-target.ts';
import type { CallsKey, Proxies } from './proxies.ts';

/** What proxies call, by `ProxyKeys.calls`. */
export interface Calls {
  readonly keys: Collection<CallsKey>;
  readonly targets: Collection<readonly OutboundTarget[]>;
  /** The same, each for itself, by `targetKey`. */
  readonly byTarget: Collection<OutboundTarget>;
  /** The names of the clusters, which are those of their endpoints, in the order of the targets. */
  readonly clusters: Collection<readonly string[]>;
}

/** Finds out what each kind of connected proxy may call. */
export function proxyCalls(graph: Graph, { byCalls }: Proxies, services: CalledServices): Calls {
  const keys = graph.group('calls', byCalls, (key): CallsKey => JSON.parse(key));
  const targets = graph.derive('targets', keys, (key, read): readonly OutboundTarget[] => {
    if ('gateway' in key) {
      return calledBy(services, [key.gateway], read).map((service) => {
        const { port, protocol } = service;
        return { service, port, protocol, byMethod: true, hosts: [] };
      });
    }
    const { namespace, names } = key;
    const open = read.values(services.byNamespace, namespace);
    return outboundTargets(new Set([...open, ...calledBy(services, names, read)]), namespace, names);
  });
  const byTarget = graph.deriveMany('targets by key', targets, (found, _, key) =>
    found.map((target) => [targetKey(key, target), target] as const),
  );
  const clusters = graph.derive('clusters called', targets, (found) => found.map(clusterName));
  return { keys, targets, byTarget, clusters };
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
