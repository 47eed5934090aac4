import { create } from '@bufbuild/protobuf';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { type Route, RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { BufferPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsPolicySchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import { memoize } from '../memoize.ts';
import type { Gateway } from '../model/gateway.ts';
import { admission, type Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { encodeResource } from './encode.ts';
import { subsetToken } from './endpoints.ts';
import { enabled } from './http-filters.ts';
import { controlPlaneCluster, filters, gatewayName, sidecarHeaders } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute } from './route-call.ts';
import { restPaths, transcode } from './transcoder.ts';
import { typedConfig } from './typed-config.ts';

/** Exposed methods as gRPC (gRPC-Web and Connect pass as they are) and as REST, reflection, and 404 for all else. */
export function gatewayRoutes(gateway: Gateway, services: readonly Service[]): Resource {
  const { name, reflection, maxMessageBytes, corsOrigins } = gateway;
  const parts = services.map((service) =>
    serviceRoutes(service.methods, service.versions, service.id, service.logicalName, maxMessageBytes, name),
  );
  return encodeRoutes(corsOrigins, name, reflection, ...parts);
}

/** The routes of one service. Lists, so that a memoized result keeps its identity. */
interface ServiceRoutes {
  readonly calls: readonly Route[];
  readonly rest: readonly Route[];
}

const encodeRoutes = memoize(
  (corsOrigins: readonly string[], gateway: string, reflection: boolean, ...parts: ServiceRoutes[]): Resource => {
    const name = gatewayName(gateway);
    const routes = create(RouteConfigurationSchema, {
      name,
      virtualHosts: [
        {
          name,
          domains: ['*'],
          typedPerFilterConfig: corsOrigins.length > 0 ? { [filters.cors]: corsPolicy(corsOrigins) } : {},
          routes: [
            ...parts.flatMap(({ calls }) => calls),
            ...(reflection ? reflectionRoutes : []),
            ...parts.flatMap(({ rest }) => rest),
            notFound,
          ],
        },
      ],
      responseHeadersToRemove: [...sidecarHeaders],
    });
    return encodeResource(typeUrls.route, name, RouteConfigurationSchema, routes);
  },
);

const serviceRoutes = memoize(
  (
    methods: Service['methods'],
    versions: Service['versions'],
    id: Service['id'],
    logicalName: string | undefined,
    maxMessageBytes: number,
    gateway: string,
  ): ServiceRoutes => {
    const callee: Callee = { id, ...(logicalName === undefined ? {} : { logicalName }) };
    const exposed = [...methods.values()].filter(({ callers }) => callers.has(gateway));
    const calls = exposed.map((method) => {
      const route = callRoute(method, callee, subsetToken(method, gateway, versions));
      Object.assign(route.typedPerFilterConfig, sizeLimit(method, maxMessageBytes));
      return route;
    });
    const denied = [...methods.values()]
      .filter((method) => method.denied?.has(gateway))
      .map((method) => deniedRoute(method, gateway));
    return { calls: [...calls, ...denied], rest: restRoutes(exposed, versions, maxMessageBytes) };
  },
);

/**
 * One REST route for all methods that share a descriptor set and a size limit. The transcoder rewrites the request and has Envoy
 * find its route again, which is then the gRPC one; what it does not know gets this route's own 404.
 */
function restRoutes(exposed: readonly Method[], versions: Service['versions'], maxMessageBytes: number): Route[] {
  const groups = new Map<string, Method[]>();
  for (const method of exposed) {
    if (method.http.length === 0) continue;
    const key = `${method.versions[0]} ${singleRequest(method)}`;
    groups.set(key, [...(groups.get(key) ?? []), method]);
  }
  return [...groups.values()].flatMap((methods) => {
    const [first] = methods;
    const version = versions.get(first?.versions[0] ?? '');
    if (first === undefined || version === undefined) return [];
    return create(RouteSchema, {
      name: `rest ${version.logicalName}`,
      match: { pathSpecifier: { case: 'safeRegex', value: { regex: restPaths(methods) } } },
      typedPerFilterConfig: {
        [filters.transcoder]: transcode(version, methods, maxMessageBytes),
        [filters.grpcStats]: enabled,
        ...sizeLimit(first, maxMessageBytes),
      },
      action: {
        case: 'directResponse',
        value: { status: 404, body: inline('weft: no method has this path and verb') },
      },
    });
  });
}

function singleRequest({ kind }: Method): boolean {
  return kind === 'unary' || kind === 'server_stream';
}

/** A request of one message is held until it is whole, so that one that is too large reaches nobody. */
function sizeLimit(method: Method, maxMessageBytes: number): Record<string, Any> {
  if (!singleRequest(method)) return {};
  const override = { case: 'buffer' as const, value: { maxRequestBytes: maxMessageBytes } };
  return { [filters.buffer]: typedConfig(BufferPerRouteSchema, { override }) };
}

/** gRPC reflection is the control plane's to answer: it knows what is exposed. */
const reflectionRoutes: readonly Route[] = ['v1', 'v1alpha'].map((version) => {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  return create(RouteSchema, {
    name: path,
    match: { pathSpecifier: { case: 'path', value: path } },
    action: {
      case: 'route',
      value: {
        clusterSpecifier: { case: 'cluster', value: controlPlaneCluster },
        timeout: durationFromMs(0),
        idleTimeout: durationFromMs(60_000),
        maxStreamDuration: { maxStreamDuration: durationFromMs(600_000) },
      },
    },
  });
});

/** Of a method that the gateway may not call for now: its callers are told so, and not that there is no such method. */
function deniedRoute(method: Method, gateway: string): Route {
  const body = inline(`weft: ${gateway} may not call ${method.path.slice(1)}; ${admission(method)}`);
  return create(RouteSchema, {
    name: method.path,
    match: { pathSpecifier: { case: 'path', value: method.path } },
    action: { case: 'directResponse', value: { status: 403, body } },
  });
}

const notFound: Route = create(RouteSchema, {
  name: 'not found',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  action: { case: 'directResponse', value: { status: 404, body: inline('weft: no contract exposes this here') } },
});

function inline(text: string) {
  return { specifier: { case: 'inlineString' as const, value: text } };
}

/** For browsers that speak gRPC-Web, Connect or REST. */
function corsPolicy(origins: readonly string[]): Any {
  return typedConfig(CorsPolicySchema, {
    allowOriginStringMatch: origins.map((value) => ({ matchPattern: { case: 'exact' as const, value } })),
    allowMethods: 'GET, POST, PUT, PATCH, DELETE',
    allowHeaders:
      'content-type, authorization, x-grpc-web, x-user-agent, grpc-timeout, connect-protocol-version, connect-timeout-ms, traceparent, tracestate',
    exposeHeaders: 'grpc-status, grpc-message, grpc-status-details-bin',
    maxAge: '7200',
  });
}
