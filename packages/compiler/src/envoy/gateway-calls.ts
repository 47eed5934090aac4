import type { Route } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import type { Method } from '../model/method.ts';
import type { ServiceId } from '../model/names.ts';
import { isServiceBackend } from '../model/route.ts';
import type { Verdict } from '../translation/exposure.ts';
import type { CalledService } from './called-services.ts';
import { enabled } from './http-filters.ts';
import { filters } from './names.ts';
import { governed, methodAt, type PortRoutes, reached } from './places.ts';
import { reach } from './reach.ts';
import { callRoute } from './route-call.ts';
import { withinRule } from './rule-limits.ts';
import { ruleRoutes } from './rule-routes.ts';

/** A method that a gateway may not call for now. */
export interface DeniedCall {
  readonly method: Method;
  readonly gateway: string;
}

/** The calls from outside that a route lets through. */
export interface GatewayCalls {
  /** In the order of their methods. */
  readonly calls: readonly { readonly method: Method; readonly routes: readonly Route[] }[];
  readonly denied: readonly DeniedCall[];
  /** What rules without a service behind them answer, whatever method is called. */
  readonly answers: readonly Route[];
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
      const routes = routesOf({ rules, places }, gateway, path);
      if (routes.length === 0) continue;
      calls.push({ method, routes });
      exposed.set(service, [...(exposed.get(service) ?? []), method]);
    }
  }
  const invalid = rules.filter(({ backends }) => !backends.some(isServiceBackend));
  const answers = ruleRoutes(invalid, { path: '/*', isLast: false, reach: () => undefined, route: noRoute });
  return { calls, answers, denied: denied.filter(({ method }) => !seen.has(method.path)), exposed };
}

function noRoute(): never {
  throw new Error('a rule without a service has no call to send');
}

/** Services that a route's calls may go to, each once, in the order of the rules. */
function backendsOf({ rules, places }: PortRoutes): readonly CalledService[] {
  const backends = rules.flatMap((rule) => rule.backends.filter(isServiceBackend));
  return [...new Set(backends.flatMap(({ service, port }) => governed(places.services.get(service), port) ?? []))];
}

function routesOf({ rules, places }: PortRoutes, gateway: string, path: string): Route[] {
  // Of rules about other services' methods there is nothing to say here.
  const own = rules.filter(
    ({ backends }) =>
      !backends.some(isServiceBackend) || backends.some((to) => isServiceBackend(to) && methodAt(places, to, path)),
  );
  return ruleRoutes(own, {
    path,
    isLast: false,
    reach: (to) => {
      const service = governed(places.services.get(to.service), to.port);
      const target = service && { service, protocol: service.protocol, byMethod: true };
      return reached(places, to, reach(to, target, [gateway], path));
    },
    route: (rule, backends, { cluster, token }) => {
      const methods = backends.flatMap((backend) => methodAt(places, backend, path) ?? []);
      const [first] = methods;
      const [callee] = backends.flatMap(({ service }) => places.services.get(service) ?? []);
      if (first === undefined || callee === undefined) throw new Error(`${path}: a backend without the method`);
      const route = callRoute(withinRule(first, methods, rule), callee, cluster, token);
      route.typedPerFilterConfig[filters.grpcStats] = enabled;
      return route;
    },
  });
}
