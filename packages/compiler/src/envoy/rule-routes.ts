import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { RuntimeFractionalPercentSchema } from '@weft/envoy-api/envoy/config/core/v3/base';
import {
  type Route,
  type RouteAction,
  RouteAction_HashPolicySchema,
  RouteAction_RequestMirrorPolicySchema,
  type RouteMatch,
  RouteSchema,
  WeightedCluster_ClusterWeightSchema,
  WeightedClusterSchema,
} from '@weft/envoy-api/envoy/config/route/v3/route_components';
import {
  FractionalPercent_DenominatorType as Denominator,
  FractionalPercentSchema,
} from '@weft/envoy-api/envoy/type/v3/percent';
import {
  type Destination,
  type InvalidBackend,
  isServiceBackend,
  type RequestMirror,
  type Rule,
  redirectOf,
  rewriteOf,
  type ServiceBackend,
  type SessionAffinity,
} from '../model/route.ts';
import { modifyHeaders } from './header-modifiers.ts';
import { replicasWith } from './route-call.ts';
import { exactHeader } from './route-match.ts';
import { redirectRoutes } from './route-redirect.ts';
import { matchedCalls } from './rule-match.ts';
import { rewriteUrl, type SentCalls, sentCalls } from './rule-rewrite.ts';

/** A call asks for a copy to its method's mirror by this header, with the value "on"; callers outside of the mesh cannot. */
export const mirrorHeader = 'x-weft-mirror';

const uint32 = 0xffff_ffff;

/** A destination that may be called. */
export interface Reached {
  readonly cluster: string;
  /** Of those replicas that take the call; absent: all do. */
  readonly token?: string;
}

/** The calls that rules decide about: those of one caller to one path. */
export interface RuledCalls {
  /** A method's: "/a.B/C", or "/v1/*" for all below. */
  readonly path: string;
  /** `called`: the path that is called there, once it is rewritten. Undefined: the caller may not call it there. */
  reach(to: Destination, called: string): Reached | undefined;
  /** The paths of what the caller may call there; "/*" where all is alike. */
  callable(to: Destination): readonly string[];
  /** Nothing comes after the rules: a call that none of them matches gets 404. */
  readonly isLast: boolean;
  /** The route of those calls that go to one of `backends` by a rule; `first` is the first of them. */
  route(rule: Rule, backends: readonly ServiceBackend[], first: Reached, called: string): Route;
}

/** What is done to the calls to one path, in order. */
export function ruleRoutes(rules: readonly Rule[], calls: RuledCalls): Route[] {
  const routes: Route[] = [];
  for (const rule of rules) {
    for (const by of rule.matches.length > 0 ? rule.matches : [undefined]) {
      const matched = matchedCalls(calls.path, by);
      if (matched === undefined) continue;
      const redirect = redirectOf(rule.filters);
      routes.push(
        ...(redirect
          ? redirectRoutes(calls.path, matched.match, by, redirect, rule.filters)
          : sentCalls(rule, by, matched.match, calls).flatMap((sent) => routesOf(rule, sent, calls))),
      );
      if (matched.all) return routes;
    }
  }
  const unmatched = { weight: 1, invalid: 'no rule of its route matches this call', status: 404 };
  const rest = calls.isLast ? matchedCalls(calls.path) : undefined;
  return rest ? [...routes, answer(calls.path, rest.match, unmatched)] : routes;
}

function routesOf(rule: Rule, sent: SentCalls, calls: RuledCalls): Route[] {
  const { match, called } = sent;
  const backends = rule.backends.filter(({ weight }) => weight > 0);
  const valid = backends.filter(isServiceBackend).filter((backend) => calls.reach(backend, called) !== undefined);
  const invalid = backends.flatMap((backend): InvalidBackend[] => {
    if (!isServiceBackend(backend)) return [backend];
    return valid.includes(backend) ? [] : [forbidden(backend)];
  });
  if (backends.length === 0) invalid.push({ weight: 1, invalid: 'its route has no backend', status: 500 });
  // Each takes its share of what those before it have left.
  let left = [...valid, ...invalid].reduce((sum, { weight }) => sum + weight, 0);
  const answers = invalid.map((backend) => {
    const share = backend.weight / left;
    left -= backend.weight;
    return answer(calls.path, share < 1 ? withShare(match, share) : match, backend);
  });
  return [...answers, ...forwards(rule, sent, valid, calls)];
}

function forbidden({ service, weight }: ServiceBackend): InvalidBackend {
  return { weight, invalid: `its route leads to ${service}, which does not admit it`, status: 403 };
}

/** Calls that go to services; before them those that are copied because they ask for it. */
function forwards(
  rule: Rule,
  sent: SentCalls,
  backends: readonly ServiceBackend[],
  calls: RuledCalls,
): readonly Route[] {
  const mirrors = rule.filters
    .filter((filter) => filter.is === 'requestMirror')
    // A copy has the path that the call has in the end.
    .filter(({ to }) => calls.reach(to, sent.called) !== undefined);
  const always = mirrors.filter(({ onRequest }) => !onRequest);
  const plain = forward(rule, sent, backends, always, calls);
  if (plain === undefined || always.length === mirrors.length) return plain ? [plain] : [];
  const asking = { ...sent.match, headers: [...sent.match.headers, exactHeader(mirrorHeader, 'on')] };
  const copied = forward(rule, { ...sent, match: asking }, backends, mirrors, calls);
  return copied ? [copied, plain] : [plain];
}

function forward(
  rule: Rule,
  sent: SentCalls,
  backends: readonly ServiceBackend[],
  mirrors: readonly RequestMirror[],
  calls: RuledCalls,
): Route | undefined {
  const { match, called } = sent;
  const [only] = backends;
  const first = only && calls.reach(only, called);
  if (only === undefined || first === undefined) return undefined;
  const route = calls.route(rule, backends, first, called);
  route.match = match;
  modifyHeaders(route, [...rule.filters, ...(backends.length === 1 ? (only.filters ?? []) : [])]);
  if (route.action.case !== 'route') return route;
  const action = route.action.value;
  if (backends.length > 1) split(action, backends, called, calls);
  rewriteUrl(action, sent, rewriteOf(rule.filters)?.hostname);
  action.requestMirrorPolicies = mirrors.flatMap(({ to, percent }) => {
    const cluster = calls.reach(to, called)?.cluster;
    if (cluster === undefined) return [];
    return create(RouteAction_RequestMirrorPolicySchema, {
      cluster,
      disableShadowHostSuffixAppend: true,
      ...(percent === undefined ? {} : { runtimeFraction: { defaultValue: fraction(percent / 100) } }),
    });
  });
  if (rule.sessionAffinity) action.hashPolicy = [hashPolicy(rule.sessionAffinity)];
  return route;
}

function split(action: RouteAction, backends: readonly ServiceBackend[], called: string, calls: RuledCalls): void {
  const weights = within32Bits(backends.map(({ weight }) => weight));
  const clusters = backends.flatMap((backend, at) => {
    const reached = calls.reach(backend, called);
    if (reached === undefined) return [];
    const { cluster: name, token } = reached;
    const cluster = create(WeightedCluster_ClusterWeightSchema, {
      name,
      weight: weights[at] ?? 0,
      ...replicasWith(token),
    });
    modifyHeaders(cluster, backend.filters ?? []);
    return cluster;
  });
  delete action.metadataMatch;
  action.clusterSpecifier = { case: 'weightedClusters', value: create(WeightedClusterSchema, { clusters }) };
}

/** The same proportions: Envoy counts the sum of weights in 32 bits. */
function within32Bits(weights: readonly number[]): readonly number[] {
  const sum = weights.reduce((all, weight) => all + weight, 0);
  if (sum <= uint32) return weights;
  return weights.map((weight) => Math.max(1, Math.floor(weight * ((uint32 - weights.length) / sum))));
}

function hashPolicy(affinity: SessionAffinity) {
  if ('header' in affinity) {
    const value = { headerName: affinity.header };
    return create(RouteAction_HashPolicySchema, { policySpecifier: { case: 'header', value } });
  }
  const { cookie: name, ttlMs = 0, path = '' } = affinity;
  // Without a ttl Envoy would wait for the application to set the cookie; one of 0 ends with the browser's session.
  const value = { name, path, ttl: durationFromMs(ttlMs) };
  return create(RouteAction_HashPolicySchema, { policySpecifier: { case: 'cookie', value } });
}

/** The proxy's own answer to calls that go nowhere. */
function answer(path: string, match: RouteMatch, { status, invalid }: InvalidBackend): Route {
  const body = { specifier: { case: 'inlineString' as const, value: `weft: ${invalid}` } };
  return create(RouteSchema, { name: path, match, action: { case: 'directResponse', value: { status, body } } });
}

function withShare(match: RouteMatch, share: number): RouteMatch {
  const runtimeFraction = create(RuntimeFractionalPercentSchema, { defaultValue: fraction(share) });
  return { ...match, runtimeFraction };
}

function fraction(share: number) {
  const numerator = Math.round(share * 1_000_000);
  return create(FractionalPercentSchema, { numerator, denominator: Denominator.MILLION });
}
