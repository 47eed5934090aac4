import type { WorkloadId } from '../model/mesh.ts';
import type { Translation } from '../translation/translate.ts';
import type { BackEnd, BackEndTurn } from './back-end.ts';
import type { Contribution } from './contribution.ts';
import { gatewayRoutesOf } from './gateway-routes.ts';
import { listenerName } from './held.ts';
import { outboundRoutesOf } from './outbound.ts';
import type { CallsKey } from './proxies.ts';
import type { Resource } from './resource.ts';

/** A route configuration that is made of contributions, and those who share it. */
export interface Composition {
  /** The key under which proxies share it: those of one gateway, or those of one namespace that go by the same names. */
  readonly scope: string;
  readonly resource: Resource;
  /** What there is. */
  readonly offered: readonly Contribution[];
  /** What `resource` is made of: `offered` without what is set aside. */
  readonly contributions: readonly Contribution[];
}

/** The composed routes of a name that a connected proxy holds; undefined: it holds none of that name, or what is not composed. */
export function compositionOf(backEnd: BackEnd, id: WorkloadId, name: string): Composition | undefined {
  const proxy = backEnd.proxies.proxies.get(id);
  return proxy && listenerName(proxy) === name ? compositionIn(backEnd, proxy.calls) : undefined;
}

/** The composed routes of a connected proxy; undefined: it holds none. */
export function compositionOfProxy(backEnd: BackEnd, id: WorkloadId): Composition | undefined {
  const proxy = backEnd.proxies.proxies.get(id);
  return proxy && compositionIn(backEnd, proxy.calls);
}

/** Whose routes a scope's are, for people: "gateway edge", "bakery.orders", "namespace bakery". */
export function scopeWords(scope: string): string {
  const key: CallsKey = JSON.parse(scope);
  if ('gateway' in key) return `gateway ${key.gateway}`;
  return key.names.length > 0 ? key.names.join(', ') : `namespace ${key.namespace}`;
}

/** The namespace whose workloads share a scope; undefined: it is a gateway's. */
export function scopeNamespace(scope: string): string | undefined {
  const key: CallsKey = JSON.parse(scope);
  return 'gateway' in key ? undefined : key.namespace;
}

/** The composed routes of a scope; undefined: none of its proxies is connected. */
export function compositionIn({ gateways, outbound }: BackEnd, scope: string): Composition | undefined {
  for (const { offered, contributions, routes } of [gateways, outbound]) {
    const resource = routes.get(scope);
    if (resource === undefined) continue;
    return { scope, resource, offered: offered.get(scope) ?? [], contributions: contributions.get(scope) ?? [] };
  }
  return undefined;
}

/** Composed routes that a turn replaced, as they were before it. */
export interface Replaced extends Pick<Composition, 'scope' | 'resource' | 'contributions'> {}

/** What a turn replaced. */
export function replacedIn({ gateways, outbound }: BackEnd, turn: BackEndTurn): readonly Replaced[] {
  return [gateways, outbound].flatMap(({ contributions, routes }) => {
    const made = turn.changed(contributions);
    return [...turn.changed(routes)].flatMap(([scope, { before: resource }]) => {
      const before = made.get(scope)?.before ?? contributions.get(scope);
      return resource && before ? { scope, resource, contributions: before } : [];
    });
  });
}

/** The routes that a scope would hold if they were made of these contributions; undefined: its gateway is gone. */
export function composed(
  { facts }: Pick<Translation, 'facts'>,
  scope: string,
  contributions: readonly Contribution[],
): Resource | undefined {
  const key: CallsKey = JSON.parse(scope);
  if (!('gateway' in key)) return outboundRoutesOf(contributions);
  const gateway = facts.gateways.get(key.gateway);
  return gateway && gatewayRoutesOf(gateway, contributions);
}
