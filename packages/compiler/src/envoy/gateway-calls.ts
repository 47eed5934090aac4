import type { Route } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { type Method, methodOf } from '../model/method.ts';
import type { ServiceId } from '../model/names.ts';
import { rewritesPaths } from '../model/path-rewrite.ts';
import { type Destination, isServiceBackend, type Rule } from '../model/route.ts';
import { methodPath, pathKey, type Verdict } from '../translation/exposure.ts';
import { anyHost } from '../translation/exposure-rows.ts';
import type { CalledService } from './called-services.ts';
import { enabled } from './http-filters.ts';
import { filters } from './names.ts';
import { governed, methodAt, type PortRoutes, reached } from './places.ts';
import { reach } from './reach.ts';
import { callRoute } from './route-call.ts';
import { exactPath } from './route-match.ts';
import { withinRule } from './rule-limits.ts';
import { narrowestFirst } from './rule-rewrite.ts';
import { ruleRoutes } from './rule-routes.ts';

/** A method that a gateway may not call for now. */
export interface DeniedCall {
  readonly method: Method;
  readonly gateway: string;
}

/** Calls to a path that is no method's. */
export interface OtherCalls {
  readonly route: Route;
  /** What they call in the end. Absent: they are answered here. */
  readonly method?: Method;
}

/** The calls from outside that a route lets through. */
export interface GatewayCalls {
  /** In the order of their methods. */
  readonly calls: readonly { readonly method: Method; readonly routes: readonly Route[] }[];
  readonly denied: readonly DeniedCall[];
  /** What rules say of paths that are no method's: answers without a service behind them, and calls that get there with another path. */
  readonly others: readonly OtherCalls[];
  /** The same methods as in `calls`, by the service whose contract describes them. */
  readonly exposed: ReadonlyMap<CalledService, readonly Method[]>;
}

/** Says what becomes of a service's paths at the gateway; undefined: nothing is known of it there. */
export type VerdictOf = (service: ServiceId) => Verdict | undefined;

/**
 * The methods that a route's backends open to a gateway. What no contract and no MeshPolicy opens to it stays closed, wherever a route
 * leads; a method that a rule does not match is not the rule's.
 */
export function gatewayCalls({ rules, places }: PortRoutes, gateway: string, verdictOf: VerdictOf): GatewayCalls {
  const calls: { method: Method; routes: Route[] }[] = [];
  const denied: DeniedCall[] = [];
  const exposed = new Map<CalledService, Method[]>();
  const seen = new Set<string>();
  for (const service of backendsOf({ rules, places })) {
    for (const method of service.methods.values()) {
      const { path } = method;
      if (seen.has(path) || verdictOf(service.id)?.closed.has(path)) continue;
      if (!method.callers.has(gateway)) {
        if (method.denied?.has(gateway)) denied.push({ method, gateway });
        continue;
      }
      seen.add(path);
      const routes = routesOf({ rules, places }, gateway, path, verdictOf);
      if (routes.length === 0) continue;
      calls.push({ method, routes });
      exposed.set(service, [...(exposed.get(service) ?? []), method]);
    }
  }
  const others = otherCalls({ rules, places }, gateway, { calls, exposed }, verdictOf);
  return { calls, others, denied: denied.filter(({ method }) => !seen.has(method.path)), exposed };
}

/**
 * Rules about whatever path, in their order. A rule before them keeps the paths that it opens; those of gRPC come first in any case.
 */
function otherCalls(
  { rules, places }: PortRoutes,
  gateway: string,
  { calls, exposed }: Pick<GatewayCalls, 'calls' | 'exposed'>,
  verdictOf: VerdictOf,
): readonly OtherCalls[] {
  const paths = [...exposed]
    .flatMap(([{ id }, methods]) =>
      methods.filter((method) => method.grpcService === '' && isServed(method, verdictOf(id))).map(({ path }) => path),
    )
    .sort(narrowestFirst);
  const decided = new Set(calls.map(({ method }) => method.path));
  return rules.slice(0, rules.findLastIndex(isAboutAnyPath) + 1).flatMap((rule) => {
    const at = isAboutAnyPath(rule) ? ['/*'] : paths;
    return at.flatMap((path) => {
      const sent = new Map<Route, Method>();
      const found = routesOf({ rules: [rule], places }, gateway, path, verdictOf, sent);
      return found.flatMap((route): OtherCalls[] => {
        if (at.includes('/*') && decided.has(exactPath(route))) return [];
        const method = sent.get(route);
        return [{ route, ...(method ? { method } : {}) }];
      });
    });
  });
}

/** Whether a method that may be called from a gateway is served there, whatever the host name. */
function isServed(method: Method, verdict: Verdict | undefined): boolean {
  if (verdict === undefined) return true;
  if (method.grpcService !== '') return !verdict.closed.has(method.path);
  return verdict.rest.get(pathKey(method.path, methodPath(method)))?.includes(anyHost) ?? false;
}

function isAboutAnyPath(rule: Rule): boolean {
  return !rule.backends.some(isServiceBackend) || rewritesPaths(rule);
}

/** Services that a route's calls may go to, each once, in the order of the rules. */
function backendsOf({ rules, places }: PortRoutes): readonly CalledService[] {
  const backends = rules.flatMap((rule) => rule.backends.filter(isServiceBackend));
  return [...new Set(backends.flatMap(({ service, port }) => governed(places.services.get(service), port) ?? []))];
}

/** `sent`: takes the methods that routes lead to. */
function routesOf(
  { rules, places }: PortRoutes,
  gateway: string,
  path: string,
  verdictOf: VerdictOf,
  sent: Map<Route, Method> = new Map(),
): Route[] {
  // Of rules about other services' methods there is nothing to say here.
  const own = rules.filter(
    (rule) =>
      isAboutAnyPath(rule) ||
      rule.backends.some((to) => isServiceBackend(to) && methodAt(places, to, path) !== undefined),
  );
  const reachAt = (to: Destination, called: string) => {
    const service = governed(places.services.get(to.service), to.port);
    const method = service && methodOf(service.methods, called);
    // A rewrite leads to nothing that the gateway does not serve under its own path.
    const isThere = service !== undefined && method !== undefined && isServed(method, verdictOf(service.id));
    if (called !== path && !isThere) return undefined;
    const target = service && { service, protocol: service.protocol, byMethod: true };
    return reached(places, to, reach(to, target, [gateway], called));
  };
  return ruleRoutes(own, {
    path,
    isLast: false,
    reach: reachAt,
    callable: (to) => {
      const methods = governed(places.services.get(to.service), to.port)?.methods;
      return [...(methods?.keys() ?? [])].filter((called) => reachAt(to, called) !== undefined);
    },
    route: (rule, backends, { cluster, token }, called) => {
      const methods = backends.flatMap((backend) => methodAt(places, backend, called) ?? []);
      const [first] = methods;
      const [callee] = backends.flatMap(({ service }) => places.services.get(service) ?? []);
      if (first === undefined || callee === undefined) throw new Error(`${called}: a backend without the method`);
      const method = withinRule(first, methods, rule);
      const route = callRoute(method, callee, cluster, token);
      route.typedPerFilterConfig[filters.grpcStats] = enabled;
      sent.set(route, method);
      return route;
    },
  });
}
