import type { Collection } from '@weft/collections';
import { settingsKey } from '../facts/fact-collections.ts';
import type { BackEnd } from './back-end.ts';
import { zonedName } from './caller-endpoints.ts';
import { passThroughClusterResource } from './cluster-original-destination.ts';
import { againCluster, gatewayName, outboundName, passThroughCluster, tracingCluster } from './names.ts';
import { directRoutesKey } from './outbound.ts';
import { type CallsKey, type ListenerKey, type ProxyKeys, policyKey } from './proxies.ts';
import { type Resource, type TypeUrl, typeUrls } from './resource.ts';

/** How a collection is looked into: as it is, or as it was. */
export type Lookup = <V>(collection: Collection<V>, key: string) => V | undefined;

/** A collection as it is now. */
export const now: Lookup = (collection, key) => collection.get(key);

/** The resource of a name that a proxy with these keys holds. */
export function heldResource(
  backEnd: BackEnd,
  lookup: Lookup,
  proxy: ProxyKeys,
  typeUrl: TypeUrl,
  name: string,
): Resource | undefined {
  const { clusterNames, endpoints, gateways, inbound, outbound, tracing } = backEnd;
  const { calls } = proxy;
  switch (typeUrl) {
    case typeUrls.endpoints: {
      if (!lookup(clusterNames, calls)?.has(name)) return undefined;
      const key = lookup(endpoints.keys, zonedName(name, proxy.zones));
      return key === undefined ? undefined : lookup(endpoints.resources, key);
    }
    case typeUrls.cluster: {
      if (lookup(clusterNames, calls)?.has(name)) return lookup(outbound.clusters, name);
      if (name === passThroughCluster) return isRedirected(proxy) ? passThroughClusterResource : undefined;
      if (name === againCluster) return lookup(outbound.again, proxy.listener);
      if (name === tracingCluster) return lookup(tracing, settingsKey);
      const key = lookup(inbound.applications, policyKey(proxy))?.get(name);
      return key === undefined ? undefined : lookup(inbound.clusters, key);
    }
    case typeUrls.listener:
      return listenerName(proxy) === name
        ? lookup(outbound.listeners, proxy.listener)
        : named(lookup(inbound.listeners, proxy.inbound), name);
    case typeUrls.route:
      return name === listenerName(proxy)
        ? (lookup(outbound.routes, calls) ?? lookup(gateways.routes, calls))
        : (named(lookup(inbound.routes, policyKey(proxy)), name) ??
            lookup(outbound.directRoutes, directRoutesKey(calls, name)));
    default:
      return undefined;
  }
}

/** The names of a type that have a resource which a proxy with these keys holds, each once. */
export function* heldNames(backEnd: BackEnd, lookup: Lookup, proxy: ProxyKeys, typeUrl: TypeUrl): Iterable<string> {
  // What could not be compiled has a name and no resource.
  for (const name of namesOfType(backEnd, lookup, proxy, typeUrl)) {
    if (heldResource(backEnd, lookup, proxy, typeUrl, name) !== undefined) yield name;
  }
}

function* namesOfType(backEnd: BackEnd, lookup: Lookup, proxy: ProxyKeys, typeUrl: TypeUrl): Iterable<string> {
  const { clusterNames, inbound } = backEnd;
  const { calls } = proxy;
  switch (typeUrl) {
    case typeUrls.endpoints:
      yield* lookup(backEnd.calls.clusters, calls) ?? [];
      return;
    case typeUrls.cluster:
      yield* lookup(inbound.applications, policyKey(proxy))?.keys() ?? [];
      yield* lookup(clusterNames, calls) ?? [];
      yield* [againCluster, passThroughCluster, tracingCluster];
      return;
    case typeUrls.listener:
      yield listenerName(proxy);
      yield* namesOf(lookup(inbound.listeners, proxy.inbound));
      return;
    case typeUrls.route:
      yield listenerName(proxy);
      yield* namesOf(lookup(inbound.routes, policyKey(proxy)));
      // Each of a headless service's replicas has a cluster and routes of one name.
      yield* lookup(clusterNames, calls) ?? [];
  }
}

/** The name of the listener for a proxy's callers from within, and of its routes. */
export function listenerName({ calls }: Pick<ProxyKeys, 'calls'>): string {
  if (calls === '') return '';
  const key: CallsKey = JSON.parse(calls);
  return 'gateway' in key ? gatewayName(key.gateway) : outboundName;
}

function isRedirected({ listener }: ProxyKeys): boolean {
  if (listener === '') return false;
  const { redirected }: ListenerKey = JSON.parse(listener);
  return redirected !== undefined;
}

function named(resources: readonly Resource[] | undefined, name: string): Resource | undefined {
  return resources?.find((resource) => resource.name === name);
}

function namesOf(resources: readonly Resource[] | undefined): string[] {
  return resources?.map(({ name }) => name) ?? [];
}
