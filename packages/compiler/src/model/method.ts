import { edgeName, type LogicalName, type ServiceId } from './names.ts';
import { originWords, type PolicyOrigin } from './policy-origin.ts';
import { governs } from './request-path.ts';

/** A method with its policy, every default filled in (weft.policy.v1 names them). Times are milliseconds. */
export interface Method {
  /** "/bakery.orders.v1.OrderService/PlaceOrder"; of a service without a contract also "/v1/users", or "/v1/*" for "/v1" and all below. */
  readonly path: string;
  readonly grpcService: string;
  readonly name: string;
  readonly kind: 'unary' | 'client_stream' | 'server_stream' | 'bidi_stream';
  /** May a call be repeated: it has no side effects, repeating changes nothing, a key makes it so, or not at all. */
  readonly safety: 'no_side_effects' | 'idempotent' | 'keyed' | 'unsafe';
  /** Logical names that may call, the edge among them (`isExposed`). */
  readonly callers: ReadonlySet<LogicalName>;
  /** Logical names that may not call for now although others than the one that denies them would admit them. */
  readonly denied?: ReadonlySet<LogicalName>;
  /** Who may call by what is going to hold: calls of others go on and are counted; absent: nothing else is going to hold. */
  readonly shadow?: ReadonlySet<LogicalName>;
  /** Unary only. */
  readonly deadlineMs?: number;
  /** Unary only; absent: the deadline. */
  readonly tryTimeoutMs?: number;
  /** Streams only; absent: no limit. */
  readonly maxDurationMs?: number;
  /** Streams only. */
  readonly idleTimeoutMs?: number;
  /** Beyond calls that were never delivered, which are always tried again. */
  readonly retry?: RetryPolicy;
  /** Path of the request field, where one makes a repeat recognizable. */
  readonly idempotencyKey?: string;
  readonly rateLimits: readonly RateLimit[];
  readonly hedge?: { readonly afterMs: number; readonly maxTries: number };
  readonly objective?: { readonly percent: number; readonly withinMs: number };
  /** Failures that calls may ask for by name, in tests; none unless somebody says so. */
  readonly faults?: readonly Fault[];
  /** The service that gets a copy of those calls that ask for it; its answer is dropped. */
  readonly mirror?: ServiceId;
  /** google.api.http, the primary binding first. */
  readonly http: readonly HttpBinding[];
  /**
   * Hashes of the contract versions that have this method; a subset of its service's when versions differ. The first is that of
   * the version with the most methods: it describes the messages to those who must know them.
   */
  readonly versions: readonly string[];
  /** Who said what is above; a field that is not in it has its default. */
  readonly origins: Origins;
}

/** The parts of a method's policy that resources decide. */
export type PolicyField =
  | 'callers'
  /** Of the names in `denied`. */
  | 'denied'
  | 'exposed'
  | 'deadlineMs'
  | 'tryTimeoutMs'
  | 'maxDurationMs'
  | 'idleTimeoutMs'
  | 'retry'
  | 'rateLimits'
  | 'hedge'
  | 'objective'
  | 'shadow'
  | 'faults'
  | 'mirror';

/** For each field who decided it. */
export type Origins = Readonly<Partial<Record<PolicyField, PolicyOrigin>>>;

/** The paths of gRPC, whoever has them: "/bakery.orders.v1.OrderService/PlaceOrder". An expression for a whole path without query. */
export const grpcPathPattern = '/(?:[A-Za-z_][A-Za-z0-9_]*\\.)+[A-Za-z_][A-Za-z0-9_]*/[A-Za-z_][A-Za-z0-9_]*';

/** What holds for a method of which nobody has said how long a call may take. */
export const defaultTimes = { deadlineMs: 15_000, idleTimeoutMs: 3_600_000 } as const;

/** Puts methods in the order in which their paths are tried: exact ones by name, then what is below a path, the longest first. */
export function byPath({ path: a }: Pick<Method, 'path'>, { path: b }: Pick<Method, 'path'>): number {
  const [openA, openB] = [a.endsWith('/*'), b.endsWith('/*')];
  if (openA !== openB) return openA ? 1 : -1;
  if (openA && a.length !== b.length) return b.length - a.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A path that a MeshPolicy names, where no contract says what there is. */
export function isOwnPath({ versions }: Pick<Method, 'versions'>): boolean {
  return versions[0] === '';
}

/** The method that a call to `path` (canonical, without its query) is to. */
export function methodOf(methods: ReadonlyMap<string, Method>, path: string): Method | undefined {
  const exact = methods.get(path);
  if (exact) return exact;
  for (const method of methods.values()) {
    if (isOwnPath(method) && governs(method.path, path)) return method;
  }
  return undefined;
}

/**
 * Everybody whom a method of a service names; who is only denied for now is among them, since his proxy keeps what it needs to call
 * again: a denial is a change of routes and closes no connection.
 */
export function callersOf(methods: ReadonlyMap<string, Method>): ReadonlySet<LogicalName> {
  const found = new Set<LogicalName>();
  for (const { callers, denied } of methods.values()) {
    for (const name of callers) found.add(name);
    for (const name of denied ?? []) found.add(name);
  }
  return found;
}

/** Whether one of these is among `callersOf`. Makes nothing: every caller of a service asks. */
export function namesOneOf(methods: ReadonlyMap<string, Method>, names: readonly LogicalName[]): boolean {
  for (const { callers, denied } of methods.values()) {
    for (const name of names) if (callers.has(name) || denied?.has(name)) return true;
  }
  return false;
}

/** Whether the edge serves a method to callers outside. */
export function isExposed({ callers }: Pick<Method, 'callers'>): boolean {
  return callers.has(edgeName);
}

/**
 * Who may call, as a caller that may not is told: "its contract names bakery.orders". `caller`: who is told; an override is named to those
 * whom it denies, and to nobody else.
 */
export function admission(
  { callers, denied, origins }: Pick<Method, 'callers' | 'denied' | 'origins'>,
  caller?: LogicalName,
): string {
  const names = callers.size === 0 ? 'nobody' : [...callers].sort().join(', ');
  const origin = caller !== undefined && denied?.has(caller) ? origins.denied : origins.callers;
  return `${origin?.is === 'resource' ? originWords(origin) : 'its contract'} names ${names}`;
}

/** What callers outside are told of whatever no contract exposes at a gateway. */
export const notExposedSentence = 'weft: no contract exposes this here';

/** What a caller is told of a method that it may not call: "weft: bakery.catalog may not call ...; its contract names bakery.orders". */
export function refusalSentence(
  method: Pick<Method, 'path' | 'callers' | 'denied' | 'origins'>,
  caller: LogicalName,
): string {
  return `weft: ${caller} may not call ${method.path.slice(1)}; ${admission(method, caller)}`;
}

/** When and how a failed call is tried again. */
export interface RetryPolicy {
  readonly codes: readonly RetryCode[];
  readonly maxRetries: number;
  readonly baseBackoffMs: number;
  readonly maxBackoffMs: number;
}

/** Those gRPC codes that Envoy can retry on, in its own spelling. */
export type RetryCode = 'cancelled' | 'deadline-exceeded' | 'internal' | 'resource-exhausted' | 'unavailable';

/** At most `requests` calls by one caller in each period, per replica. */
export interface RateLimit {
  readonly caller: LogicalName | '*';
  readonly requests: number;
  readonly perMs: number;
}

/** A failure that the callee's sidecar makes up: a delay, an error in the application's stead, or one after the other. */
export interface Fault {
  /** As calls ask for it. */
  readonly name: string;
  readonly delayMs?: number;
  readonly abort?: RetryCode;
}

/** A REST mapping of a method. */
export interface HttpBinding {
  /** "GET", or any other HTTP method; "*": all. */
  readonly verb: string;
  /** A google.api.http path template: "/v1/orders/{order_id}". */
  readonly template: string;
  /** The request field that the body is; "*" for all of it, "" for none. */
  readonly body: string;
}

/** Whether a request of a method is one message. */
export function singleRequest({ kind }: Pick<Method, 'kind'>): boolean {
  return kind === 'unary' || kind === 'server_stream';
}
