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
import { memoize } from '../memoize.ts';
import type { LogicalName } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import { encodedResource } from './encode.ts';
import { subsetToken } from './endpoints.ts';
import { filters, outboundName, sidecarHeaders } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoutes } from './route-call.ts';
import { typedConfig } from './typed-config.ts';

/** Where the calls of one application go: to the services that it may call, and all else to the control plane's refusal. */
export const outboundRoutes = memoize(
  (...hosts: VirtualHost[]): Resource =>
    encodedResource(
      typeUrls.route,
      outboundName,
      Buffer.concat([withoutHosts, ...[...hosts, refused].map((host) => hostField(host))]),
    ),
);

const withoutHosts = toBinary(
  RouteConfigurationSchema,
  create(RouteConfigurationSchema, { name: outboundName, responseHeadersToRemove: [...sidecarHeaders] }),
);

/** A virtual host as its field in a RouteConfiguration, encoded once for all callers that have it. */
const hostField = memoize((host: VirtualHost): Uint8Array => {
  const { number } = RouteConfigurationSchema.field.virtualHosts;
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(toBinary(VirtualHostSchema, host)).finish();
});

/** Every other call, which the control plane refuses in words. */
export const refusedRoute: Route = create(RouteSchema, {
  name: 'refused',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  typedPerFilterConfig: {
    [filters.extAuthz]: typedConfig(ExtAuthzPerRouteSchema, { override: { case: 'checkSettings', value: {} } }),
  },
  action: { case: 'directResponse', value: { status: 403 } },
});

const refused: VirtualHost = create(VirtualHostSchema, { name: 'refused', domains: ['*'], routes: [refusedRoute] });

/** The methods of a service that a caller may call, at the host names by which it may. */
export function virtualHost(service: Service, domains: readonly string[], names: readonly LogicalName[]): VirtualHost {
  const { methods, versions, id, logicalName, port } = service;
  const permitted = permittedMethods(methods, versions, names.join(' '));
  return makeVirtualHost(methods, id, logicalName, port, domains.join(' '), permitted);
}

/** What a caller may call, as JSON: `[path, subset token]`. Equal for callers with equal routes, who then share a virtual host. */
const permittedMethods = memoize(
  (methods: Service['methods'], versions: Service['versions'], names: string): string => {
    const callers = names.split(' ');
    const permitted = [...methods.values()].flatMap((method) => {
      const caller = callers.find((name) => method.callers.has(name));
      return caller === undefined ? [] : [[method.path, subsetToken(method, caller, versions) ?? null]];
    });
    return JSON.stringify(permitted);
  },
);

const makeVirtualHost = memoize(
  (
    methods: Service['methods'],
    id: Service['id'],
    logicalName: string | undefined,
    port: number,
    domains: string,
    permitted: string,
  ): VirtualHost => {
    const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
    const paths: readonly (readonly [string, string | null])[] = JSON.parse(permitted);
    const routes = paths.flatMap(([path, token]) => {
      const method = methods.get(path);
      return method === undefined ? [] : callRoutes(method, callee, token ?? undefined);
    });
    return create(VirtualHostSchema, {
      name: id,
      domains: domains.split(' ').flatMap((domain) => [domain, `${domain}:${port}`]),
      routes: [...routes, refusedRoute],
      includeRequestAttemptCount: false,
    });
  },
);
