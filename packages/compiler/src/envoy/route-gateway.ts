import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import { HeaderValueOption_HeaderAppendAction } from '@weft/envoy-api/envoy/config/core/v3/base';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import {
  RouteAction_ClusterNotFoundResponseCode as ClusterNotFound,
  type Route,
  RouteActionSchema,
  RouteSchema,
  VirtualHostSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { BufferPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsPolicySchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import type { Gateway } from '../model/gateway.ts';
import { parseHttpTemplate } from '../model/http-template.ts';
import {
  grpcPathPattern,
  type HttpBinding,
  type Method,
  notExposedSentence,
  refusalSentence,
  singleRequest,
} from '../model/method.ts';
import type { ServiceId } from '../model/names.ts';
import type { Service } from '../model/service.ts';
import { stepsOf, stepsOfPath } from '../model/template-overlap.ts';
import { methodPath, pathKey } from '../translation/exposure.ts';
import { anyHost } from '../translation/exposure-rows.ts';
import { markStream, tornAnswers } from './broken-answers.ts';
import { encodedResource } from './encode.ts';
import type { DeniedCall, GatewayCalls, VerdictOf } from './gateway-calls.ts';
import { enabled } from './http-filters.ts';
import { clientAddressHeader, controlPlaneCluster, filters, gatewayName, meshHeaderPrefix } from './names.ts';
import { type GroupPath, type PathGroup, pathRoutes } from './path-routes.ts';
import { type Resource, typeUrls } from './resource.ts';
import { exactHeader } from './route-match.ts';
import { pathPattern, transcode } from './transcoder.ts';
import { typedConfig } from './typed-config.ts';

/** What one route says at a gateway, each as its fields in a virtual host. */
export interface GatewayPart {
  /** Empty: every host name but `foreignHosts`. */
  readonly hostnames: readonly string[];
  /** Host names that are others' alone. */
  readonly foreignHosts: readonly string[];
  readonly calls: Uint8Array;
  /** By verb and path, after the calls of all routes. */
  readonly paths: readonly PathGroup[];
}

/** What a route lets through: as gRPC (gRPC-Web and Connect pass as they are) and by path, such as REST. */
export function gatewayPart(
  hostnames: readonly string[],
  { calls, denied, others, exposed }: GatewayCalls,
  maxMessageBytes: number,
  verdictOf: VerdictOf,
): GatewayPart {
  const prepare = (route: Route, method: Method) => {
    markStream(route, method);
    if (route.action.case === 'route') Object.assign(route.typedPerFilterConfig, sizeLimit(method, maxMessageBytes));
  };
  for (const { method, routes } of calls) for (const route of routes) prepare(route, method);
  for (const { method, route } of others) if (method) prepare(route, method);
  const hostsOf = (service: ServiceId, { path }: Method, at: Pick<HttpBinding, 'verb' | 'template'>) => {
    const verdict = verdictOf(service);
    const hosts = verdict === undefined ? [anyHost] : (verdict.rest.get(pathKey(path, at)) ?? []);
    return hosts.length > 0 && hostnames.length > 0 && !hostnames.some((host) => hosts.includes(host))
      ? hostnames
      : hosts;
  };
  const byPath = calls.filter(({ method }) => method.grpcService === '');
  const paths = byPath.flatMap(({ method, routes }): PathGroup[] => {
    const at = methodPath(method);
    const service = [...exposed].find(([, methods]) => methods.includes(method))?.[0];
    const hosts = service ? hostsOf(service.id, method, at) : [];
    const path = { verb: at.verb, steps: stepsOfPath(method.path), pattern: method.path, method: method.path, hosts };
    return hosts.length === 0
      ? []
      : [{ paths: [path], action: { routes: routes.map((route) => toBinary(RouteSchema, route)) } }];
  });
  const rest = [...exposed].flatMap(([{ id, versions }, methods]) =>
    restGroups(methods, versions, maxMessageBytes, (method, binding) => hostsOf(id, method, binding)),
  );
  const grpc = calls.filter(({ method }) => method.grpcService !== '').flatMap(({ routes }) => routes);
  const foreign = [...exposed.keys()].flatMap(({ id }) => verdictOf(id)?.foreignHosts ?? []);
  return {
    hostnames,
    foreignHosts: hostnames.length > 0 ? [] : [...new Set(foreign)],
    calls: routeFields([...grpc, ...denied.map(deniedRoute), ...others.map(({ route }) => route)]),
    paths: [...paths, ...rest],
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
  const named = parts.flatMap((part) => [
    ...part.hostnames,
    ...part.foreignHosts,
    ...part.paths.flatMap(({ paths }) => paths.flatMap(({ hosts }) => hosts)),
  ]);
  const hostnames = [...new Set(named)].filter((host) => host !== anyHost).sort();
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
      ...pathFields(host, parts),
      ...(corsOrigins.length > 0 ? [preflightField] : []),
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
  return parts
    .map((part) => ({ part, rank: nearness(host, part.hostnames, part.foreignHosts) }))
    .filter(({ rank }) => rank >= 0)
    .sort((a, b) => b.rank - a.rank)
    .map(({ part }) => part);
}

/** How near the nearest of some host names is to one: the longer the nearer; 0: it is among all others; below 0: it is another's. */
function nearness(host: string, of: readonly string[], foreignHosts: readonly string[]): number {
  const covers = (name: string) => name === host || (name.startsWith('*.') && host.endsWith(name.slice(1)));
  const lengths = of.filter((name) => name !== anyHost && covers(name)).map(({ length }) => length);
  const isAny = of.length === 0 || of.includes(anyHost);
  return Math.max(isAny && !foreignHosts.some(covers) ? 0 : -1, ...lengths);
}

/** Routes by path under a host name: those of nearer host names first, and of one nearness the most specific path. */
function pathFields(host: string, parts: readonly GatewayPart[]): readonly Uint8Array[] {
  const byRank = new Map<number, PathGroup[]>();
  for (const { paths: groups, foreignHosts } of parts) {
    for (const group of groups) {
      const ranked = Map.groupBy(group.paths, ({ hosts }) => nearness(host, hosts, foreignHosts));
      for (const [rank, paths] of ranked) {
        if (rank >= 0) byRank.set(rank, [...(byRank.get(rank) ?? []), { ...group, paths }]);
      }
    }
  }
  return [...byRank]
    .sort(([a], [b]) => b - a)
    .flatMap(([, groups]) => {
      const [fixed, open] = [groups.flatMap(ofPaths(isFixed)), groups.flatMap(ofPaths((path) => !isFixed(path)))];
      // A path of gRPC is not REST's to take, whoever has it and whether or not it is exposed.
      return [...pathRoutes(fixed), ...(open.length > 0 ? [grpcPaths] : []), ...pathRoutes(open)].map(routeField);
    });
}

/** The paths of a group that begin so. A path with a literal at its beginning is more specific than one without. */
function ofPaths(wanted: (path: GroupPath) => boolean): (group: PathGroup) => PathGroup[] {
  return (group) => {
    const paths = group.paths.filter(wanted);
    return paths.length > 0 ? [{ ...group, paths }] : [];
  };
}

function isFixed({ steps: [first] }: GroupPath): boolean {
  return typeof first === 'object' && 'literal' in first;
}

/** Routes as they stand in a virtual host. */
function routeFields(routes: readonly Route[]): Uint8Array {
  return Buffer.concat(routes.map((route) => routeField(toBinary(RouteSchema, route))));
}

function routeField(route: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(VirtualHostSchema.field.routes.number, WireType.LengthDelimited).bytes(route).finish();
}

/**
 * One group for all methods that share a descriptor set and a size limit. The transcoder rewrites the request and has Envoy find its
 * route again, which is then the gRPC one; what it does not know it refuses.
 */
function restGroups(
  exposed: readonly Method[],
  versions: Service['versions'],
  maxMessageBytes: number,
  hostsOf: (method: Method, binding: HttpBinding) => readonly string[],
): PathGroup[] {
  const groups = Map.groupBy(
    exposed.filter(({ http }) => http.length > 0),
    (method) => `${method.versions[0]} ${singleRequest(method)}`,
  );
  return [...groups.values()].flatMap((methods) => {
    const [first] = methods;
    const version = versions.get(first?.versions[0] ?? '');
    if (first === undefined || version === undefined) return [];
    const paths = methods.flatMap((method) => method.http.flatMap((binding) => groupPath(method, binding, hostsOf)));
    if (paths.length === 0) return [];
    const served = methods.filter(({ path }) => paths.some(({ method }) => method === path));
    const route = create(RouteSchema, {
      typedPerFilterConfig: {
        [filters.declaredContent]: enabled,
        [filters.transcoder]: transcode(version, served, maxMessageBytes),
        [filters.grpcStats]: enabled,
        ...sizeLimit(first, maxMessageBytes),
        ...tornAnswers(served),
      },
      action: nowhere,
    });
    return [{ paths, action: { name: `rest ${version.logicalName}`, fields: toBinary(RouteSchema, route) } }];
  });
}

/**
 * Where a REST request would go that the transcoder left as it is: to the cluster that a header names which is never there, and so 404. A direct response
 * would say so in better words, but Envoy's CORS filter passes by routes that have one, and pages of other origins could not call.
 */
const nowhere: Route['action'] = {
  case: 'route',
  value: create(RouteActionSchema, {
    // Whoever is outside cannot send one: a gateway takes headers of the mesh away first.
    clusterSpecifier: { case: 'clusterHeader', value: `${meshHeaderPrefix}nowhere` },
    clusterNotFoundResponseCode: ClusterNotFound.NOT_FOUND,
    timeout: durationFromMs(0),
  }),
};

function groupPath(
  method: Method,
  binding: HttpBinding,
  hostsOf: (method: Method, binding: HttpBinding) => readonly string[],
): GroupPath[] {
  const template = parseHttpTemplate(binding.template);
  const hosts = hostsOf(method, binding);
  if (template === undefined || hosts.length === 0) return [];
  const pattern = pathPattern(binding.template);
  return [{ verb: binding.verb, steps: stepsOf(template), pattern, method: method.path, hosts }];
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
  const body = inline(refusalSentence(method, gateway));
  return create(RouteSchema, {
    name: method.path,
    match: { pathSpecifier: { case: 'path', value: method.path } },
    action: { case: 'directResponse', value: { status: 403, body } },
  });
}

const notFound: Route = create(RouteSchema, {
  name: 'not found',
  match: { pathSpecifier: { case: 'prefix', value: '/' } },
  action: { case: 'directResponse', value: { status: 404, body: inline(notExposedSentence) } },
});

/** The shape of gRPC's paths, where nobody serves them. */
const grpcPaths = toBinary(
  RouteSchema,
  create(RouteSchema, {
    name: 'no method',
    match: {
      pathSpecifier: { case: 'safeRegex', value: { regex: grpcPathPattern } },
      headers: [exactHeader(':method', 'POST')],
    },
    action: notFound.action,
  }),
);

/** What a browser asks before a request whose path has a route for its verb alone: the CORS filter answers on any route but a direct one. */
const preflight: Route = create(RouteSchema, {
  name: 'preflight',
  match: {
    pathSpecifier: { case: 'prefix', value: '/' },
    headers: [
      exactHeader(':method', 'OPTIONS'),
      {
        name: 'access-control-request-method',
        headerMatchSpecifier: { case: 'presentMatch', value: true },
      },
    ],
  },
  action: nowhere,
});

const preflightField = routeFields([preflight]);
const reflectionFields = routeFields(reflectionRoutes);
const notFoundField = routeFields([notFound]);

function inline(text: string) {
  return { specifier: { case: 'inlineString' as const, value: text } };
}

/** For browsers that speak gRPC-Web, Connect or REST. */
function corsPolicy(origins: readonly string[]): Any {
  return typedConfig(CorsPolicySchema, {
    allowOriginStringMatch: origins.map(originMatch),
    allowMethods: 'GET, POST, PUT, PATCH, DELETE',
    allowHeaders:
      'content-type, authorization, x-grpc-web, x-user-agent, grpc-timeout, connect-protocol-version, connect-timeout-ms, traceparent, tracestate',
    exposeHeaders: 'grpc-status, grpc-message, grpc-status-details-bin, weft-trace-id',
    maxAge: '7200',
  });
}

/** At the end of an origin: with any port, or without one. */
const anyPort = ':*';

function originMatch(origin: string) {
  if (!origin.endsWith(anyPort)) return { matchPattern: { case: 'exact' as const, value: origin } };
  const regex = `${origin.slice(0, -anyPort.length).replace(/[^\w]/g, '\\$&')}(:[0-9]{1,5})?`;
  return { matchPattern: { case: 'safeRegex' as const, value: { regex } } };
}
