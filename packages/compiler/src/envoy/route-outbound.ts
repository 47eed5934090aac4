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
import type { Service } from '../model/service.ts';
import { encodedResource } from './encode.ts';
import { againCluster, againHeader, filters, outboundName, sidecarHeaders } from './names.ts';
import { methodAt, type PortRoutes, reachedBy } from './places.ts';
import type { Reach } from './reach.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute } from './route-call.ts';
import { withinRule } from './rule-limits.ts';
import { ruleRoutes } from './rule-routes.ts';
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

/** A method that a caller may call, and how it reaches each destination of the service's routes (`destinationsOf`). */
export type Permitted = readonly [path: string, reaches: readonly Reach[]];

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

/** The routes of those methods of a service. `routes`: what holds for them. */
export function methodRoutes(
  { id, logicalName, methods }: Pick<Service, 'id' | 'logicalName' | 'methods'>,
  permitted: readonly Permitted[],
  { rules, places }: PortRoutes,
): Route[] {
  const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
  const routes = permitted.flatMap(([path, reaches]) => {
    const method = methods.get(path);
    if (method === undefined) return [];
    return ruleRoutes(rules, {
      path,
      isLast: true,
      reach: (to) => reachedBy(places, reaches, to),
      route: (rule, backends, { cluster, token }) => {
        const everywhere = backends.map((backend) => methodAt(places, backend, path));
        return callRoute(withinRule(method, everywhere, rule), callee, cluster, token);
      },
    });
  });
  return [...routes, refusedRoute];
}
