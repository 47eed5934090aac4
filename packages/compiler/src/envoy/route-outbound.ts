import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { HeaderValueOption_HeaderAppendAction as HeaderAppendAction } from '@weft/envoy-api/envoy/config/core/v3/base';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { ExtAuthzPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import type { LogicalName } from '../model/mesh.ts';
import { rewritesPaths } from '../model/path-rewrite.ts';
import { type Rule, redirectOf } from '../model/route.ts';
import type { Service } from '../model/service.ts';
import { CalledPaths, type Permitted } from './called-paths.ts';
import { encodedResource } from './encode.ts';
import { againCluster, againHeader, filters, outboundName, sidecarHeaders } from './names.ts';
import { methodAt, type PortRoutes, reachedBy } from './places.ts';
import type { Reach } from './reach.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute } from './route-call.ts';
import { exactPath } from './route-match.ts';
import { openRoute } from './route-open.ts';
import { withinRule } from './rule-limits.ts';
import { type RuledCalls, ruleRoutes } from './rule-routes.ts';
import { typedConfig } from './typed-config.ts';

/**
 * Where the calls of one application go: to the services that it may call, and all else to the control plane's refusal. `hosts`: what
 * `hostField` gives for each of them.
 */
export function outboundRoutes(hosts: readonly Uint8Array[]): Resource {
  return encodedResource(typeUrls.route, outboundName, Buffer.concat([withoutHosts, ...hosts, refusedField]));
}

const withoutHosts = toBinary(
  RouteConfigurationSchema,
  create(RouteConfigurationSchema, { name: outboundName, responseHeadersToRemove: [...sidecarHeaders] }),
);

/** A virtual host as its field in a RouteConfiguration: encoded once for all callers that have it. */
export function hostField(host: VirtualHost): Uint8Array {
  const { number } = RouteConfigurationSchema.field.virtualHosts;
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(toBinary(VirtualHostSchema, host)).finish();
}

/** Asks the control plane, which answers with words, or tells the sidecar of the callee and lets the call go on. */
const asksControlPlane: Pick<MessageInitShape<typeof RouteSchema>, 'match' | 'typedPerFilterConfig'> = {
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  typedPerFilterConfig: {
    [filters.extAuthz]: typedConfig(ExtAuthzPerRouteSchema, { override: { case: 'checkSettings', value: {} } }),
  },
};

/** Every other call to a host that the sidecar knows, which the control plane refuses in words. */
export const refusedRoute: Route = create(RouteSchema, {
  name: 'refused',
  ...asksControlPlane,
  action: { case: 'directResponse', value: { status: 403 } },
});

/** A call to a host that the sidecar does not know: it goes to the sidecar's own listener again, once its route is there. */
export const unknownRoute: Route = create(RouteSchema, {
  name: 'unknown',
  ...asksControlPlane,
  requestHeadersToAdd: [
    { header: { key: againHeader, value: '1' }, appendAction: HeaderAppendAction.APPEND_IF_EXISTS_OR_ADD },
  ],
  action: {
    case: 'route',
    value: { clusterSpecifier: { case: 'cluster', value: againCluster }, timeout: durationFromMs(0) },
  },
});

const refusedField = hostField(create(VirtualHostSchema, { name: 'refused', domains: ['*'], routes: [unknownRoute] }));

/** What a caller of these names may call of a service. Equal for callers with equal routes, who then share a virtual host. */
export function permittedMethods(
  methods: Service['methods'],
  names: readonly LogicalName[],
  reaches: (path: string) => readonly Reach[],
): readonly Permitted[] {
  return [...methods.values()].flatMap(({ path, callers }) =>
    names.some((name) => callers.has(name)) ? [[path, reaches(path)] as const] : [],
  );
}

/**
 * The routes of those methods of a service. `routes`: what holds for them. `rewritten`: what rewrites of paths may lead to.
 */
export function methodRoutes(
  { id, logicalName, methods }: Pick<Service, 'id' | 'logicalName' | 'methods'>,
  permitted: readonly Permitted[],
  { rules, places }: PortRoutes,
  rewritten: readonly Permitted[] = [],
): Route[] {
  const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
  const elsewhere = new CalledPaths(places, rewritten);
  const route =
    (path: string): RuledCalls['route'] =>
    (rule, backends, { cluster, token }, called) => {
      const everywhere = backends.map((backend) => methodAt(places, backend, called));
      const own = methods.get(path);
      const method = called === path ? own : (everywhere.find((known) => known !== undefined) ?? own);
      return method
        ? callRoute(withinRule(method, everywhere, rule), callee, cluster, token)
        : openRoute(cluster, callee.logicalName ?? id, { timeouts: rule.timeouts, token });
    };
  const routes = permitted.flatMap(([path, reaches]) =>
    methods.has(path)
      ? ruleRoutes(rules, {
          path,
          isLast: true,
          reach: (to, called) => (called === path ? reachedBy(places, reaches, to) : elsewhere.reach(to, called)),
          callable: (to) => elsewhere.callable(to),
          route: route(path),
        })
      : [],
  );
  const decided = new Set(permitted.map(([path]) => path));
  // Of other paths there is something to say only where they do not stay what they are.
  const others = ruleRoutes(rules.filter(isAboutAnyPath), {
    path: '/*',
    isLast: false,
    reach: (to, called) => elsewhere.reach(to, called),
    callable: (to) => elsewhere.callable(to),
    route: route('/*'),
  });
  return [...routes, ...others.filter((other) => !decided.has(exactPath(other))), refusedRoute];
}

function isAboutAnyPath(rule: Rule): boolean {
  return rewritesPaths(rule) || redirectOf(rule.filters) !== undefined;
}
