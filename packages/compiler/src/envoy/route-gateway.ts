import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { type Route, RouteSchema, VirtualHostSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { BufferPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsPolicySchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import type { Gateway } from '../model/gateway.ts';
import { admission, type Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { encodedResource } from './encode.ts';
import { subsetToken } from './endpoints.ts';
import { enabled } from './http-filters.ts';
import { controlPlaneCluster, filters, gatewayName, sidecarHeaders } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { type Callee, callRoute } from './route-call.ts';
import { restPaths, transcode } from './transcoder.ts';
import { typedConfig } from './typed-config.ts';

/** The routes of one service at a gateway, each as its field in a virtual host. */
export interface GatewayPart {
  readonly calls: Uint8Array;
  /** After those of all services. */
  readonly rest: Uint8Array;
}

/** The routes of a service's exposed methods: as gRPC (gRPC-Web and Connect pass as they are) and as REST. */
export function gatewayPart(
  { id, logicalName, methods, versions }: Pick<Service, 'id' | 'logicalName' | 'methods' | 'versions'>,
  gateway: string,
  maxMessageBytes: number,
): GatewayPart {
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
  return {
    calls: routeFields([...calls, ...denied]),
    rest: routeFields(restRoutes(exposed, versions, maxMessageBytes)),
  };
}

/** What services serve at a gateway, reflection, and 404 for all else. */
export function gatewayRoutes(
  { name: gateway, reflection, corsOrigins }: Pick<Gateway, 'name' | 'reflection' | 'corsOrigins'>,
  parts: readonly GatewayPart[],
): Resource {
  const name = gatewayName(gateway);
  const cors = corsOrigins.length > 0 ? { [filters.cors]: corsPolicy(corsOrigins) } : {};
  // A message is its fields one after the other, so what is encoded once is put together in the order of their numbers.
  const host = Buffer.concat([
    toBinary(VirtualHostSchema, create(VirtualHostSchema, { name, domains: ['*'] })),
    ...parts.map(({ calls }) => calls),
    ...(reflection ? [reflectionFields] : []),
    ...parts.map(({ rest }) => rest),
    notFoundField,
    toBinary(VirtualHostSchema, create(VirtualHostSchema, { typedPerFilterConfig: cors })),
  ]);
  const { virtualHosts } = RouteConfigurationSchema.field;
  const body = Buffer.concat([
    toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name })),
    new BinaryWriter().tag(virtualHosts.number, WireType.LengthDelimited).bytes(host).finish(),
    toBinary(
      RouteConfigurationSchema,
      create(RouteConfigurationSchema, { responseHeadersToRemove: [...sidecarHeaders] }),
    ),
  ]);
  return encodedResource(typeUrls.route, name, body);
}

/** Routes as they stand in a virtual host. */
function routeFields(routes: readonly Route[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const route of routes) {
    writer.tag(VirtualHostSchema.field.routes.number, WireType.LengthDelimited).bytes(toBinary(RouteSchema, route));
  }
  return writer.finish();
}

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

const reflectionFields = routeFields(reflectionRoutes);
const notFoundField = routeFields([notFound]);

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
