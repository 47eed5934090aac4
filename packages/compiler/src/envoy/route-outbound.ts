import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import {
  type Route,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { ExtAuthzPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import type { LogicalName, ServiceId } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import { encodedResource } from './encode.ts';
import { subsetToken } from './endpoints.ts';
import { filters, outboundName, sidecarHeaders } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoutes } from './route-call.ts';
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

/** Every other call, which the control plane refuses in words. */
export const refusedRoute: Route = create(RouteSchema, {
  name: 'refused',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  typedPerFilterConfig: {
    [filters.extAuthz]: typedConfig(ExtAuthzPerRouteSchema, { override: { case: 'checkSettings', value: {} } }),
  },
  action: { case: 'directResponse', value: { status: 403 } },
});

const refusedField = hostField(create(VirtualHostSchema, { name: 'refused', domains: ['*'], routes: [refusedRoute] }));

/** A method that a caller may call, the token of those replicas that admit it, where only some do, and whether its mirror gets copies. */
export type Permitted = readonly [path: string, token: string | null, mirrored: boolean];

/**
 * What a caller of these names may call of a service. Equal for callers with equal routes, who then share a virtual host. `mayCall`: whether
 * the caller may call a method of another service, too.
 */
export function permittedMethods(
  { methods, versions }: Pick<Service, 'methods' | 'versions'>,
  names: readonly LogicalName[],
  mayCall: (service: ServiceId, path: string) => boolean,
): readonly Permitted[] {
  return [...methods.values()].flatMap((method) => {
    const caller = names.find((name) => method.callers.has(name));
    if (caller === undefined) return [];
    // A copy is a call of the same caller, and Envoy knows only the clusters of whom it may call.
    const mirrored = method.mirror !== undefined && mayCall(method.mirror, method.path);
    return [[method.path, subsetToken(method, caller, versions) ?? null, mirrored] as const];
  });
}

/** Those methods of a service at the host names by which they may be called. */
export function virtualHost(
  service: Pick<Service, 'id' | 'logicalName' | 'methods' | 'port'>,
  domains: readonly string[],
  permitted: readonly Permitted[],
): VirtualHost {
  const { id, logicalName, methods, port } = service;
  const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
  const routes = permitted.flatMap(([path, token, mirrored]) => {
    const method = methods.get(path);
    return method === undefined
      ? []
      : callRoutes(method, callee, token ?? undefined, mirrored ? method.mirror : undefined);
  });
  return create(VirtualHostSchema, {
    name: id,
    domains: domains.flatMap((domain) => [domain, `${domain}:${port}`]),
    routes: [...routes, refusedRoute],
    includeRequestAttemptCount: false,
  });
}
