import { settingsKey } from '../facts/fact-collections.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { BackEnd } from './back-end.ts';
import { targetKey } from './calls.ts';
import { passThroughClusterResource } from './cluster-original-destination.ts';
import { directCluster, gatewayName, outboundName, passThroughCluster, tracingCluster } from './names.ts';
import type { CallsKey, ListenerKey, ProxyKeys } from './proxies.ts';
import { type Resource, type TypeUrl, typeUrls, type View } from './resource.ts';

/** What one connected proxy should hold: names of what it shares with others, looked up where they are. Secrets are not among them. */
export class ProxyView implements View {
  readonly #of: BackEnd;
  readonly #id: WorkloadId;

  constructor(backEnd: BackEnd, id: WorkloadId) {
    this.#of = backEnd;
    this.#id = id;
  }

  get(typeUrl: TypeUrl, name: string): Resource | undefined {
    const proxy = this.#of.proxies.proxies.get(this.#id);
    if (proxy === undefined) return undefined;
    switch (typeUrl) {
      case typeUrls.endpoints:
        return this.#endpoints(proxy, name);
      case typeUrls.cluster:
        return this.#cluster(proxy, name);
      case typeUrls.listener:
        return listenerName(proxy) === name
          ? this.#of.outbound.listeners.get(proxy.listener)
          : named(this.#of.inbound.listeners.get(proxy.inbound), name);
      case typeUrls.route:
        return this.#routes(proxy, name);
      default:
        return undefined;
    }
  }

  *names(typeUrl: TypeUrl): Iterable<string> {
    const proxy = this.#of.proxies.proxies.get(this.#id);
    if (proxy === undefined) return;
    const { calls, clusterNames, inbound, outbound } = this.#of;
    switch (typeUrl) {
      case typeUrls.endpoints:
        yield* calls.clusters.get(proxy.calls) ?? [];
        return;
      case typeUrls.cluster:
        yield* namesOf(inbound.clusters.get(proxy.inbound));
        yield* clusterNames.get(proxy.calls) ?? [];
        if (isRedirected(proxy)) yield passThroughCluster;
        if (this.#of.tracing.has(settingsKey)) yield tracingCluster;
        return;
      case typeUrls.listener:
        if (outbound.listeners.has(proxy.listener)) yield listenerName(proxy);
        yield* namesOf(inbound.listeners.get(proxy.inbound));
        return;
      case typeUrls.route:
        yield* namesOf(inbound.routes.get(proxy.inbound));
        if (outbound.routes.has(proxy.calls) || this.#of.gatewayRoutes.has(proxy.calls)) yield listenerName(proxy);
        for (const target of calls.targets.get(proxy.calls) ?? []) {
          const direct = outbound.directRoutes.get(targetKey(proxy.calls, target));
          if (direct) yield direct.name;
        }
    }
  }

  #endpoints({ calls, zones }: ProxyKeys, name: string): Resource | undefined {
    const { zoned, endpoints, clusterNames } = this.#of;
    if (zones !== '') return zoned.endpoints.get(zoned.keys.get(`${calls}\n${zones}`)?.get(name) ?? '');
    return clusterNames.get(calls)?.has(name) ? endpoints.get(name) : undefined;
  }

  #cluster(proxy: ProxyKeys, name: string): Resource | undefined {
    const { clusterNames, outbound, inbound, tracing } = this.#of;
    if (clusterNames.get(proxy.calls)?.has(name)) return outbound.clusters.get(name);
    if (name === passThroughCluster) return isRedirected(proxy) ? passThroughClusterResource : undefined;
    if (name === tracingCluster) return tracing.get(settingsKey);
    return named(inbound.clusters.get(proxy.inbound), name);
  }

  #routes({ calls, inbound }: ProxyKeys, name: string): Resource | undefined {
    const { outbound, gatewayRoutes } = this.#of;
    if (name === outboundName) return outbound.routes.get(calls);
    const own = named(this.#of.inbound.routes.get(inbound), name);
    if (own !== undefined) return own;
    const gateway = gatewayRoutes.get(calls);
    if (gateway !== undefined) return gateway.name === name ? gateway : undefined;
    for (const target of this.#of.calls.targets.get(calls) ?? []) {
      if (!target.service.headless || directCluster(target.service.id, target.port) !== name) continue;
      return outbound.directRoutes.get(targetKey(calls, target));
    }
    return undefined;
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
