import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import { HeaderValueOption_HeaderAppendAction } from '@weft/envoy-api/envoy/config/core/v3/base';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { type Route, RouteSchema, VirtualHostSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { BufferPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsPolicySchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import type { Gateway } from '../model/gateway.ts';
import { admission, type Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { markStream, tornAnswers } from './broken-answers.ts';
import { encodedResource } from './encode.ts';
import type { DeniedCall, GatewayCalls } from './gateway-calls.ts';
import { enabled } from './http-filters.ts';
import { clientAddressHeader, controlPlaneCluster, filters, gatewayName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { restPaths, transcode } from './transcoder.ts';
import { typedConfig } from './typed-config.ts';

/** What one route says at a gateway, each as its fields in a virtual host. */
export interface GatewayPart {
  /** Empty: every host name. */
  readonly hostnames: readonly string[];
  readonly calls: Uint8Array;
  /** After those of all routes. */
  readonly rest: Uint8Array;
}

/** What a route lets through: as gRPC (gRPC-Web and Connect pass as they are) and as REST. */
export function gatewayPart(
  hostnames: readonly string[],
  { calls, denied, answers, exposed }: GatewayCalls,
  maxMessageBytes: number,
): GatewayPart {
  const routes = calls.flatMap(({ method, routes }) => {
    for (const route of routes) {
      markStream(route, method);
      if (route.action.case === 'route') Object.assign(route.typedPerFilterConfig, sizeLimit(method, maxMessageBytes));
    }
    return routes;
  });
  const rest = [...exposed].flatMap(([{ versions }, methods]) => restRoutes(methods, versions, maxMessageBytes));
  return {
    hostnames,
    calls: routeFields([...routes, ...denied.map(deniedRoute), ...answers]),
    rest: routeFields(rest),
  };
}

/** What routes let through at a gateway, reflection, and 404 for all else. `parts`: in order of precedence. */
export function gatewayRoutes(
  { name: gateway, reflection, corsOrigins }: Pick<Gateway, 'name' | 'reflection' | 'corsOrigins'>,
  parts: readonly GatewayPart[],
): Resource {
  const name = gatewayName(gateway);
  const cors = corsOrigins.length > 0 ? { [filters.cors]: corsPolicy(corsOrigins) } : {};
  const { virtualHosts } = RouteConfigurationSchema.field;
  const hosts = new BinaryWriter();
  const hostnames = [...new Set(parts.flatMap((part) => part.hostnames))].filter((host) => host !== '*').sort();
  for (const host of [...hostnames, '*']) {
    const held = partsOfHost(host, parts);
    // A message is its fields one after the other, so what is encoded once is put together in the order of their numbers.
    const fields = Buffer.concat([
      toBinary(
        VirtualHostSchema,
        create(VirtualHostSchema, { name: host === '*' ? name : `${name}|${host}`, domains: [host] }),
      ),
      ...held.map(({ calls }) => calls),
      ...(reflection ? [reflectionFields] : []),
      ...held.map(({ rest }) => rest),
      notFoundField,
      toBinary(VirtualHostSchema, create(VirtualHostSchema, { typedPerFilterConfig: cors })),
    ]);
    hosts.tag(virtualHosts.number, WireType.LengthDelimited).bytes(fields);
  }
  const body = Buffer.concat([
    toBinary(RouteConfigurationSchema, create(RouteConfigurationSchema, { name })),
    hosts.finish(),
    toBinary(
      RouteConfigurationSchema,
      create(RouteConfigurationSchema, {
        // A client cannot choose it: what it sends under that name is replaced.
        requestHeadersToAdd: [
          {
            header: { key: clientAddressHeader, value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' },
            appendAction: HeaderValueOption_HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
          },
        ],
        ignorePortInHostMatching: hostnames.length > 0,
      }),
    ),
  ]);
  return encodedResource(typeUrls.route, name, body);
}

/** What holds for a host name: routes for it, then for what it is part of, the nearest first, then for every host name. */
function partsOfHost(host: string, parts: readonly GatewayPart[]): readonly GatewayPart[] {
  const covering = (of: string) => of === '*' || of === host || (of.startsWith('*.') && host.endsWith(of.slice(1)));
  const nearest = ({ hostnames }: GatewayPart) =>
    hostnames.length === 0 ? 0 : Math.max(-1, ...hostnames.filter(covering).map((of) => (of === '*' ? 0 : of.length)));
  return parts
    .map((part) => ({ part, rank: nearest(part) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => b.rank - a.rank)
    .map(({ part }) => part);
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
        ...tornAnswers(methods),
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
function deniedRoute({ method, gateway }: DeniedCall): Route {
  const body = inline(`weft: ${gateway} may not call ${method.path.slice(1)}; ${admission(method, gateway)}`);
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
