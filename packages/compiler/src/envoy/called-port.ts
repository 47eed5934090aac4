import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
  type Route,
  RouteSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { httpPorts, portAccess, portsOf } from '../model/port-access.ts';
import type { Service } from '../model/service.ts';
import { outboundPort } from '../pod/ports.ts';
import { calledPortHeader } from './names.ts';
import type { PortChoice } from './outbound-target.ts';
import { exactHeader } from './route-match.ts';
import { unknownRoute } from './route-outbound.ts';

// The port of a call is the one in its host name, else the one that its redirected connection was made to, else `barePort`.

/**
 * The port of a call by a host name alone, without a redirected connection that would tell: 80, which HTTP leaves out. A service
 * without a port 80 means its only port for HTTP, or the one that its contract or MeshPolicy is about. Undefined: it could be several,
 * or its port 80 does not speak HTTP.
 */
export function barePort(
  service: Pick<Service, 'port' | 'protocol' | 'otherPorts' | 'ungoverned' | 'methods'>,
): number | undefined {
  const http = httpPorts(service);
  if (portsOf(service).some(({ port }) => port === 80)) return http.includes(80) ? 80 : undefined;
  const [only, ...others] = http;
  if (others.length === 0) return only;
  return http.includes(service.port) && portAccess(service, service.port) === 'methods' ? service.port : undefined;
}

/** The calls to the bare host names of a service, at each of its ports. */
export interface BareCalls extends Pick<PortChoice, 'isDefault' | 'isWhole'> {
  readonly id: Service['id'];
  /** The port whose routes come last: they take the calls that name it. */
  readonly port: number;
}

/** The routes of `port`, after those of other ports for calls whose connection was redirected from there, and what becomes of all else. */
export function bareRoutes(
  { id, port, isDefault, isWhole }: BareCalls,
  own: readonly Route[],
  others: readonly (readonly [port: number, routes: readonly Route[]])[],
): Route[] {
  const unnamed = without(':authority', { case: 'suffix', value: `:${port}` });
  const elsewhere = others.flatMap(([other, routes]) =>
    routes.map((route) => withHeaders(route, [exactHeader(calledPortHeader, String(other)), unnamed])),
  );
  const isOther = without(calledPortHeader, { case: 'exact', value: String(port) }, !isDefault);
  // A call to the proxy itself comes from no redirected connection.
  const isRedirected = without(calledPortHeader, { case: 'exact', value: String(outboundPort) });
  const usable = [port, ...others.map(([other]) => other)];
  const conditions = [isOther, ...(isDefault ? [isRedirected] : []), unnamed];
  // Of a port that the caller's proxy does not know, the control plane knows whether the proxy may be told.
  const unknown = isWhole
    ? answer(`weft: Service ${id} has no such port for HTTP; it has ${usable.join(' and ')}`)
    : unknownRoute;
  return [...elsewhere, withHeaders(unknown, conditions), ...own];
}

function answer(sentence: string): Route {
  return create(RouteSchema, {
    name: 'no port',
    match: { pathSpecifier: { case: 'prefix', value: '/' } },
    action: {
      case: 'directResponse',
      value: { status: 404, body: { specifier: { case: 'inlineString', value: sentence } } },
    },
  });
}

/** `orAbsent`: requests without the header, too. */
function without(
  name: string,
  matchPattern: { readonly case: 'exact' | 'suffix'; readonly value: string },
  orAbsent = false,
): HeaderMatcher {
  return create(HeaderMatcherSchema, {
    name,
    invertMatch: true,
    treatMissingHeaderAsEmpty: orAbsent,
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern } },
  });
}

function withHeaders(route: Route, headers: readonly HeaderMatcher[]): Route {
  const { match } = route;
  return match ? { ...route, match: { ...match, headers: [...match.headers, ...headers] } } : route;
}
