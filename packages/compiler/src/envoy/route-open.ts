import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { RBACPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import type { RuleTimeouts } from '../model/route.ts';
import { CalledPaths, type Permitted } from './called-paths.ts';
import { encodeResource } from './encode.ts';
import { calleeKey, refusalKey } from './local-reply.ts';
import { deliveredHeader, filters, inboundName, metadataNamespace, sidecarHeaders } from './names.ts';
import { methodAt, type PortRoutes, reachedBy } from './places.ts';
import type { Reach } from './reach.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute, replicasWith } from './route-call.ts';
import { withinRule } from './rule-limits.ts';
import { ruleRoutes } from './rule-routes.ts';
import type { PeerName } from './tls-context.ts';
import { typedConfig } from './typed-config.ts';

// Routes of HTTP ports that have no methods: any path, and no word about time or repetition.

/** Passes every request of `peers` on to the application. `refusal`: who may call, for those who may not. */
export function openInboundRoutes(name: string, port: number, peers: readonly PeerName[], callee: string): Resource {
  const names = peers.map(({ case: how, value }) => (how === 'prefix' ? `${value}*` : value)).join(', ') || 'nobody';
  const inbound = { metadata: { [refusalKey]: `${callee}, which admits ${names}` }, rbac: peers };
  const route = openRoute(inboundName(port), callee, { inbound });
  const routes = create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name, domains: ['*'], routes: [route] }],
    responseHeadersToRemove: [deliveredHeader],
  });
  return encodeResource(typeUrls.route, name, RouteConfigurationSchema, routes);
}

/**
 * Sends every request where the rules of a port say. Without methods no request may be repeated. `rewritten`: what
 * rewrites of paths may lead to.
 */
export function openRuleRoutes(
  callee: Callee,
  { rules, places }: PortRoutes,
  reaches: readonly Reach[],
  rewritten: readonly Permitted[] = [],
): Route[] {
  const elsewhere = new CalledPaths(places, rewritten);
  const path = '/*';
  return ruleRoutes(rules, {
    path,
    isLast: true,
    reach: (to, called) => (called === path ? reachedBy(places, reaches, to) : elsewhere.reach(to, called)),
    callable: (to) => elsewhere.callable(to),
    route: (rule, backends, { cluster, token }, called) => {
      const everywhere = called === path ? [] : backends.map((backend) => methodAt(places, backend, called));
      const method = everywhere.find((known) => known !== undefined);
      return method
        ? callRoute(withinRule(method, everywhere, rule), callee, cluster, token)
        : openRoute(cluster, callee.logicalName ?? callee.id, { timeouts: rule.timeouts, token });
    },
  });
}

/** Sends every request for these domains to a cluster. */
export function openHost(name: string, domains: readonly string[], cluster: string, callee: string): VirtualHost {
  return create(VirtualHostSchema, { name, domains: [...domains], routes: [openRoute(cluster, callee)] });
}

/** Sends every request of a filter chain to a cluster. */
export function openRoutes(name: string, cluster: string, callee: string): Resource {
  const routes = create(RouteConfigurationSchema, {
    name,
    virtualHosts: [openHost(name, ['*'], cluster, callee)],
    responseHeadersToRemove: [...sidecarHeaders],
  });
  return encodeResource(typeUrls.route, name, RouteConfigurationSchema, routes);
}

interface OpenRoute {
  readonly inbound?: { readonly metadata: Record<string, string>; readonly rbac: readonly PeerName[] };
  readonly timeouts?: RuleTimeouts | undefined;
  readonly token?: string | undefined;
}

/** Sends any request to a cluster. */
export function openRoute(cluster: string, callee: string, { inbound, timeouts = {}, token }: OpenRoute = {}): Route {
  const { requestMs, backendRequestMs, idleMs } = timeouts;
  const longestMs = Math.min(requestMs ?? Number.POSITIVE_INFINITY, backendRequestMs ?? Number.POSITIVE_INFINITY);
  return create(RouteSchema, {
    name: 'any',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    metadata: { filterMetadata: { [metadataNamespace]: { [calleeKey]: callee, ...inbound?.metadata } } },
    ...(inbound ? { typedPerFilterConfig: { [filters.rbac]: admitPeers(inbound.rbac) } } : {}),
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        ...replicasWith(token),
        timeout: durationFromMs(Number.isFinite(longestMs) ? longestMs : 0),
        ...(idleMs === undefined ? {} : { idleTimeout: durationFromMs(idleMs) }),
        retryPolicy: {
          retryOn: 'connect-failure,refused-stream',
          numRetries: 2,
          retryBackOff: { baseInterval: durationFromMs(10), maxInterval: durationFromMs(50) },
        },
      },
    },
  });
}

function admitPeers(peers: readonly PeerName[]) {
  const callers = {
    permissions: [{ rule: { case: 'any' as const, value: true } }],
    principals: peers.map((peer) => ({
      identifier: { case: 'authenticated' as const, value: { principalName: { matchPattern: peer } } },
    })),
  };
  return typedConfig(RBACPerRouteSchema, { rbac: { rules: { policies: peers.length > 0 ? { callers } : {} } } });
}
