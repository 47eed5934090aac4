import { create } from '@bufbuild/protobuf';
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
import { type Resource, typeUrls } from '../xds/resource.ts';
import { encodeResource } from './encode.ts';
import { filters, outboundName, sidecarHeaders } from './names.ts';
import { type Callee, callRoute } from './route-call.ts';
import { typedConfig } from './typed-config.ts';

/** A service that a caller may call, and the host names by which it may. */
export interface OutboundCallee {
  readonly service: Service;
  readonly domains: readonly string[];
}

/** Where the calls of one application go: to the methods that it may call, and all else to the control plane's refusal. */
export function outboundRoutes(callees: readonly OutboundCallee[], names: readonly LogicalName[]): Resource {
  return encodeRoutes(...callees.map(({ service, domains }) => virtualHost(service, domains, names)));
}

const encodeRoutes = memoize((...hosts: VirtualHost[]): Resource => {
  const routes = create(RouteConfigurationSchema, {
    name: outboundName,
    virtualHosts: [...hosts, refused],
    responseHeadersToRemove: [...sidecarHeaders],
  });
  return encodeResource(typeUrls.route, outboundName, RouteConfigurationSchema, routes);
});

const refusedRoute: Route = create(RouteSchema, {
  name: 'refused',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  typedPerFilterConfig: {
    [filters.extAuthz]: typedConfig(ExtAuthzPerRouteSchema, { override: { case: 'checkSettings', value: {} } }),
  },
  action: { case: 'directResponse', value: { status: 403 } },
});

const refused: VirtualHost = create(VirtualHostSchema, { name: 'refused', domains: ['*'], routes: [refusedRoute] });

function virtualHost(service: Service, domains: readonly string[], names: readonly LogicalName[]): VirtualHost {
  return makeVirtualHost(
    service.methods,
    service.versions,
    service.id,
    service.logicalName,
    service.port,
    domains.join(' '),
    names.join(' '),
  );
}

const makeVirtualHost = memoize(
  (
    methods: Service['methods'],
    versions: Service['versions'],
    id: Service['id'],
    logicalName: string | undefined,
    port: number,
    domains: string,
    names: string,
  ): VirtualHost => {
    const callee: Callee = { id, methods, versions, ...(logicalName === undefined ? {} : { logicalName }) };
    const callers = names.split(' ');
    const routes = [...methods.values()].flatMap((method) => {
      const caller = callers.find((name) => method.callers.has(name));
      return caller === undefined ? [] : callRoute(method, callee, caller);
    });
    return create(VirtualHostSchema, {
      name: id,
      domains: domains.split(' ').flatMap((domain) => [domain, `${domain}:${port}`]),
      routes: [...routes, refusedRoute],
      includeRequestAttemptCount: false,
    });
  },
);
