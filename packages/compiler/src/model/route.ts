import type { RetryCode } from './method.ts';
import type { ServiceId } from './names.ts';
import type { PolicyOrigin } from './policy-origin.ts';

/**
 * Says where calls go. How they go (deadline, retries, callers) stays the contract's: a route only narrows it. The terms are those of
 * the Gateway API (https://gateway-api.sigs.k8s.io/reference/spec/), which App Mesh's routes fit into.
 */
export interface Route {
  readonly parent: RouteParent;
  /** Host names at a gateway: "bakery.example.com", "*.example.com". Empty: every host name. Always empty for a service. */
  readonly hostnames: readonly string[];
  /** In order of precedence: the first rule that matches a call decides. A call that no rule matches gets 404. */
  readonly rules: readonly Rule[];
  /** Who says so. */
  readonly origin: PolicyOrigin;
}

/** Whose calls a route is about: those to a port of a service, or those from outside at the listener of a gateway. */
export type RouteParent =
  | { readonly service: ServiceId; readonly port: number }
  /** By name; a gateway has one listener. */
  | { readonly gateway: string };

/** What becomes of some calls. */
export interface Rule {
  /** Any of them. Empty: all calls of the parent. */
  readonly matches: readonly RuleMatch[];
  readonly filters: readonly RuleFilter[];
  /** In proportion to their weights. Without one of a weight above 0, calls get 500. */
  readonly backends: readonly Backend[];
  readonly timeouts?: RuleTimeouts;
  readonly retry?: RuleRetry;
  readonly sessionAffinity?: SessionAffinity;
}

/** All that is given must hold; at least one condition. */
export interface RuleMatch {
  readonly path?: PathMatch;
  /** The HTTP method: "GET". */
  readonly verb?: string;
  readonly grpc?: GrpcMatch;
  readonly headers?: readonly HeaderMatch[];
  readonly query?: readonly QueryMatch[];
}

/** The path without its query. A pattern is RE2 and must match all of it. */
export type PathMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  /** Whole elements only: "/v1" is not a prefix of "/v1beta". */
  | { readonly pathSeparatedPrefix: string }
  | { readonly regex: string };

/** Part by part; an absent one matches any. */
export interface GrpcMatch {
  /** "bakery.orders.v1.OrderService". */
  readonly service?: string;
  /** "PlaceOrder". */
  readonly method?: string;
}

export interface HeaderMatch {
  readonly name: string;
  /** Absent: the header is there. */
  readonly value?: StringMatch | NumberRange;
  /** Default: false. */
  readonly invert?: boolean;
}

export interface QueryMatch {
  readonly name: string;
  /** Absent: the parameter is there. */
  readonly value?: StringMatch;
}

/** A pattern is RE2 and must match all of the value. */
export type StringMatch =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly regex: string };

/** Whole numbers from `start` up to but without `end`. */
export interface NumberRange {
  readonly start: number;
  readonly end: number;
}

/** What is done to calls besides sending them somewhere. `ruleComplaint` says what a rule's filters must not be. */
export type RuleFilter = RequestMirror | HeaderModifier | UrlRewrite | RequestRedirect;

/** Sends a copy to another service and drops its answer. A caller that may not call that service sends none. */
export interface RequestMirror {
  readonly is: 'requestMirror';
  readonly to: Destination;
  /** Only calls that ask for a copy (`x-weft-mirror: on`) are copied. Default: false, all are. */
  readonly onRequest?: boolean;
  /** The share of calls that are copied, in percent. Default: 100. */
  readonly percent?: number;
}

/** Changes headers of requests, or of responses. Not of the mesh's own (`x-weft-`), nor `host` and those that begin with a colon. */
export interface HeaderModifier {
  readonly is: 'requestHeaderModifier' | 'responseHeaderModifier';
  /** Replaces what is there. */
  readonly set?: Readonly<Record<string, string>>;
  readonly add?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/**
 * Sends calls on under another host name or path; the query stays. What is called is the method at the new path: its contract says how,
 * and who may. At most one in a rule.
 */
export interface UrlRewrite {
  readonly is: 'urlRewrite';
  /** Absent: as the caller gave it. */
  readonly hostname?: string;
  readonly path?: PathRewrite;
}

/** Another path. Each begins with a slash and has no query. */
export type PathRewrite =
  | { readonly fullPath: string }
  /** In place of the prefix that the rule's matches have; "" is "/". See `prefixSubstitution`. */
  | { readonly prefix: string };

/** Tells callers to call elsewhere. The rule's backends get no calls. At most one in a rule, and no `UrlRewrite` beside it. */
export interface RequestRedirect {
  readonly is: 'requestRedirect';
  /** Absent: that of the request. */
  readonly scheme?: 'http' | 'https';
  /** Absent: that of the request. */
  readonly hostname?: string;
  /** Absent: that of the request. The query stays in any case. */
  readonly path?: PathRewrite;
  /** Absent: the well-known one of `scheme`; without that too, none where there is a `hostname`, else that of the request. */
  readonly port?: number;
  /** Default: 302. */
  readonly statusCode?: RedirectStatus;
}

/** An HTTP status that has a client call elsewhere. */
export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/** A port of a service. */
export interface Destination {
  readonly service: ServiceId;
  readonly port: number;
  /** The hash of a contract version: only replicas that run it. Default: all replicas. */
  readonly contractVersion?: string;
}

/** Where a share of a rule's calls goes. Weights are relative to those of the rule's other backends; 0: no calls. */
export type Backend = ServiceBackend | InvalidBackend;

export interface ServiceBackend extends Destination {
  readonly weight: number;
  /** For the calls of this backend, after those of the rule. */
  readonly filters?: readonly HeaderModifier[];
}

/** A backend that cannot be called: its share of the calls gets an answer that says why. */
export interface InvalidBackend {
  readonly weight: number;
  /** "Service bakery/oders does not exist". */
  readonly invalid: string;
  /** HTTP status, 200 to 599. */
  readonly status: number;
}

/** Milliseconds; each only shortens what the contract says. Absent: what the contract says. */
export interface RuleTimeouts {
  /** For the whole call with all its tries. */
  readonly requestMs?: number;
  /** For each try. Where the contract does not allow a second try, for the call. */
  readonly backendRequestMs?: number;
  /** Without a byte in either direction. */
  readonly idleMs?: number;
}

/** Narrows the contract's retries; a method that the contract does not retry stays so. Absent: what the contract says. */
export interface RuleRetry {
  readonly codes?: readonly RetryCode[];
  readonly maxRetries?: number;
  /** Raises the contract's. */
  readonly baseBackoffMs?: number;
}

/** Calls with the same value go to the same replica for as long as it is there. */
export type SessionAffinity =
  | { readonly header: string }
  /** The proxy sets the cookie where a call has none. `ttlMs` absent: until the browser is closed. */
  | { readonly cookie: string; readonly ttlMs?: number; readonly path?: string };

/** The key of a parent: the same text for the same parent. */
export function parentKey(parent: RouteParent): string {
  return 'gateway' in parent ? `gateway ${parent.gateway}` : `${parent.service} ${parent.port}`;
}

/** Whether a backend is a service, and may get calls. */
export function isServiceBackend(backend: Backend): backend is ServiceBackend {
  return 'service' in backend;
}

/** Every place that calls or copies of a route may go to, each once, in the order of the rules. */
export function destinationsOf(rules: readonly Rule[]): readonly Destination[] {
  const found = new Map<string, Destination>();
  for (const { backends, filters } of rules) {
    const mirrors = filters.flatMap((filter) => (filter.is === 'requestMirror' ? filter.to : []));
    for (const to of [...backends.filter(isServiceBackend), ...mirrors]) {
      const { service, port, contractVersion } = to;
      found.set(destinationKey(to), { service, port, ...(contractVersion === undefined ? {} : { contractVersion }) });
    }
  }
  return [...found.values()];
}

/** The key of a destination: the same text for the same one. */
export function destinationKey({ service, port, contractVersion = '' }: Destination): string {
  return `${service} ${port} ${contractVersion}`;
}

/** The redirect of a rule. */
export function redirectOf(filters: readonly RuleFilter[]): RequestRedirect | undefined {
  return filters.find((filter) => filter.is === 'requestRedirect');
}

/** The rewrite of a rule. */
export function rewriteOf(filters: readonly RuleFilter[]): UrlRewrite | undefined {
  return filters.find((filter) => filter.is === 'urlRewrite');
}
