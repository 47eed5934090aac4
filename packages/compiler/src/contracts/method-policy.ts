import { type DescMethod, getOption } from '@bufbuild/protobuf';
import { type Duration, durationMs, MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import {
  Code,
  Exposure,
  type Hedge,
  type MethodPolicy,
  method as methodOption,
  type Objective,
  type Retry,
  type ServicePolicy,
} from '@weft/policy/weft/policy/v1/policy';
import { type Bound, bounds, boundWords, isWithin, lengths } from '../model/bounds.ts';
import {
  defaultTimes,
  type Method,
  type Origins,
  type PolicyField,
  type RateLimit,
  type RetryCode,
  type RetryPolicy,
} from '../model/method.ts';
import { edgeName } from '../model/names.ts';
import type { PolicyOrigin } from '../model/policy-origin.ts';
import { defaultPeriodMs } from '../model/rate-limit.ts';
import { defaultHedgeTries, withRetryDefaults } from '../model/retry.ts';
import type { Complaint } from './complaint.ts';
import { fieldAt, readHttpBindings } from './http-rule.ts';
import { isLogicalName } from './logical-name.ts';

const retryCodes: Readonly<Record<number, RetryCode>> = {
  [Code.CANCELLED]: 'cancelled',
  [Code.DEADLINE_EXCEEDED]: 'deadline-exceeded',
  [Code.RESOURCE_EXHAUSTED]: 'resource-exhausted',
  [Code.INTERNAL]: 'internal',
  [Code.UNAVAILABLE]: 'unavailable',
};

/**
 * Reads a method with every default filled in. What the method itself says must fit it, or there is a complaint; what its service
 * says for all methods counts for those that it fits.
 */
export function readMethod(
  method: DescMethod,
  servicePolicy: ServicePolicy,
  hash: string,
): { method: Method; complaints: Complaint[] } {
  const own = getOption(method, methodOption);
  const shared = servicePolicy.defaults;
  const http = readHttpBindings(method);
  const complaints: Complaint[] = [...http.complaints];
  const complain = (message: string, advice?: string) =>
    complaints.push({ element: method, message, ...(advice === undefined ? {} : { advice }) });

  const unary = method.methodKind === 'unary';
  const clientStreams = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  if (!unary && own.deadline) complain('deadline is for unary methods', 'max_duration or idle_timeout');
  if (!unary && own.tryTimeout) complain('try_timeout is for unary methods');
  if (!unary && own.idempotencyKey !== undefined) complain('idempotency_key is for unary methods');
  if (unary && own.maxDuration) complain('max_duration is for streams', 'deadline');
  if (unary && own.idleTimeout) complain('idle_timeout is for streams', 'deadline');
  if (clientStreams && own.retry) complain('retry cannot repeat a stream of requests');

  const time = (name: 'deadline' | 'tryTimeout' | 'maxDuration' | 'idleTimeout', fits: boolean): number | undefined => {
    const value = fits ? (own[name] ?? shared?.[name]) : undefined;
    if (value === undefined) return undefined;
    const ms = milliseconds(value);
    return within(snake(name), ms, bounds[name], complain) ? ms : undefined;
  };
  const deadlineMs = unary ? (time('deadline', true) ?? defaultTimes.deadlineMs) : undefined;
  let tryTimeoutMs = time('tryTimeout', unary);
  if (tryTimeoutMs !== undefined && deadlineMs !== undefined && tryTimeoutMs > deadlineMs) {
    if (own.tryTimeout) complain(`try_timeout ${tryTimeoutMs} ms is over the deadline ${deadlineMs} ms`);
    tryTimeoutMs = undefined;
  }
  const maxDurationMs = time('maxDuration', !unary);
  const idleTimeoutMs = unary ? undefined : (time('idleTimeout', true) ?? defaultTimes.idleTimeoutMs);

  const key = unary ? (own.idempotencyKey ?? shared?.idempotencyKey) : undefined;
  const keyField = key === undefined ? undefined : fieldAt(method.input, key);
  if (own.idempotencyKey !== undefined && keyField?.fieldKind !== 'scalar') {
    complain(`idempotency_key "${own.idempotencyKey}"`, `a scalar field of ${method.input.typeName}`);
  }
  const keyed = keyField?.fieldKind === 'scalar';
  const safety = safetyOf(method, keyed);

  if (own.retry && safety === 'unsafe') {
    complain(
      'retry on a method that may not be repeated',
      'idempotency_level IDEMPOTENT or NO_SIDE_EFFECTS, an idempotency_key, or no retry',
    );
  }
  const wanted = own.retry ?? shared?.retry;
  const retry = wanted && safety !== 'unsafe' && !clientStreams ? readRetry(wanted, complain) : undefined;

  if (own.hedge && safety !== 'no_side_effects') complain('hedge needs idempotency_level NO_SIDE_EFFECTS');
  const hedging = own.hedge ?? shared?.hedge;
  const hedge = hedging && unary && safety === 'no_side_effects' ? readHedge(hedging, complain) : undefined;

  const { callers, shadow } = readCallers(own, servicePolicy, complain);
  const objective = readObjective(own.objective ?? shared?.objective, complain);
  const path = `${method.parent.typeName}/${method.name}`;
  if (path.length >= lengths.path) {
    complain(`its path has ${path.length + 1} characters`, `at most ${lengths.path}`);
  }
  const origins = originsOf(own, servicePolicy, method);
  return {
    complaints,
    method: {
      path: `/${path}`,
      grpcService: method.parent.typeName,
      name: method.name,
      kind: kinds[method.methodKind],
      safety,
      callers,
      ...(shadow === undefined ? {} : { shadow }),
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(tryTimeoutMs === undefined ? {} : { tryTimeoutMs }),
      ...(maxDurationMs === undefined ? {} : { maxDurationMs }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(retry === undefined ? {} : { retry }),
      ...(keyed && key !== undefined ? { idempotencyKey: key } : {}),
      rateLimits: readRateLimits(own.rateLimits.length > 0 ? own : shared, complain),
      ...(hedge === undefined ? {} : { hedge }),
      ...(objective === undefined ? {} : { objective }),
      http: http.bindings,
      versions: [hash],
      origins,
    },
  };
}

/** The options that single parts of a policy are read from. */
const optionOf = [
  ['deadlineMs', 'deadline'],
  ['tryTimeoutMs', 'tryTimeout'],
  ['maxDurationMs', 'maxDuration'],
  ['idleTimeoutMs', 'idleTimeout'],
  ['retry', 'retry'],
  ['hedge', 'hedge'],
  ['objective', 'objective'],
] as const;

/** Who said each part: the method, else its service; what nobody said has its default and no origin. */
function originsOf(own: MethodPolicy, service: ServicePolicy, { name, parent: { typeName } }: DescMethod): Origins {
  const shared = service.defaults;
  const ofService: PolicyOrigin = { is: 'contract', service: typeName };
  const ofMethod: PolicyOrigin = { ...ofService, method: name };
  const said: Partial<Record<PolicyField, PolicyOrigin>> = {};
  const put = (field: PolicyField, byMethod: boolean, byService: boolean) => {
    if (byMethod) said[field] = ofMethod;
    else if (byService) said[field] = ofService;
  };
  put('callers', own.callers !== undefined, shared?.callers !== undefined || service.callers.length > 0);
  put('exposed', isSaid(own.exposure), isSaid(shared?.exposure) || isSaid(service.exposure));
  put('rateLimits', own.rateLimits.length > 0, (shared?.rateLimits.length ?? 0) > 0);
  for (const [field, option] of optionOf) put(field, own[option] !== undefined, shared?.[option] !== undefined);
  return said;
}

const kinds = {
  unary: 'unary',
  client_streaming: 'client_stream',
  server_streaming: 'server_stream',
  bidi_streaming: 'bidi_stream',
} as const;

function safetyOf(method: DescMethod, keyed: boolean): Method['safety'] {
  if (method.idempotency === Level.NO_SIDE_EFFECTS) return 'no_side_effects';
  if (method.idempotency === Level.IDEMPOTENT) return 'idempotent';
  return keyed ? 'keyed' : 'unsafe';
}

type Complain = (message: string, advice?: string) => void;

function readRetry(retry: Retry, complain: Complain): RetryPolicy | undefined {
  const codes = retry.codes.flatMap((code) => retryCodes[code] ?? []);
  const policy = withRetryDefaults({
    codes: retry.codes.length > 0 ? codes : undefined,
    maxRetries: retry.maxRetries,
    baseBackoffMs: retry.baseBackoff && milliseconds(retry.baseBackoff),
    maxBackoffMs: retry.maxBackoff && milliseconds(retry.maxBackoff),
  });
  const { maxRetries, baseBackoffMs, maxBackoffMs } = policy;
  within('retry.max_retries', maxRetries, bounds.maxRetries, complain);
  within('retry.base_backoff', baseBackoffMs, bounds.baseBackoff, complain);
  if (retry.maxBackoff) within('retry.max_backoff', maxBackoffMs, bounds.maxBackoff, complain);
  if (maxBackoffMs < baseBackoffMs) {
    complain(`retry.max_backoff ${maxBackoffMs} ms must be at least the base of ${baseBackoffMs} ms`);
  }
  if (codes.length < retry.codes.length) complain('retry.codes has CODE_UNSPECIFIED', 'CODE_UNAVAILABLE');
  return maxRetries === 0 ? undefined : policy;
}

function readHedge({ after, maxTries = defaultHedgeTries }: Hedge, complain: Complain): Method['hedge'] {
  if (after === undefined) {
    complain('hedge has no after', boundWords(bounds.hedgeAfter));
    return undefined;
  }
  const afterMs = milliseconds(after);
  within('hedge.after', afterMs, bounds.hedgeAfter, complain);
  within('hedge.max_tries', maxTries, bounds.hedgeTries, complain);
  return { afterMs, maxTries };
}

function readObjective(objective: Objective | undefined, complain: Complain): Method['objective'] {
  if (objective === undefined) return undefined;
  const { percent, within: time } = objective;
  within('objective.percent', percent, bounds.objectivePercent, complain);
  if (time === undefined) return undefined;
  const withinMs = milliseconds(time);
  within('objective.within', withinMs, bounds.objectiveWithin, complain);
  return { percent, withinMs };
}

/** Whether a value is in its bound; if not, there is a complaint. */
function within(field: string, value: number, bound: Bound, complain: Complain): boolean {
  if (isWithin(value, bound)) return true;
  complain(`${field} is ${value}${bound.unit ? ` ${bound.unit}` : ''}`, boundWords(bound));
  return false;
}

function atMost(field: string, list: readonly unknown[], most: number, complain: Complain): void {
  if (list.length > most) complain(`${field} has ${list.length} entries`, `at most ${most}`);
}

function readCallers(own: MethodPolicy, service: ServicePolicy, complain: Complain) {
  const exposure = [own.exposure, service.defaults?.exposure, service.exposure].find(isSaid);
  const exposed = exposure === Exposure.EDGE;
  const names = own.callers?.names ?? service.defaults?.callers?.names ?? service.callers;
  checkCallers('callers', names, complain);
  const shadow = own.shadow ?? service.defaults?.shadow ?? service.shadow;
  checkCallers('shadow.callers', shadow?.callers?.names ?? [], complain);
  const shadowExposed = isSaid(shadow?.exposure) ? shadow?.exposure === Exposure.EDGE : exposed;
  return {
    callers: admitted(names, exposed),
    shadow: shadow && admitted(shadow.callers?.names ?? names, shadowExposed),
  };
}

function isSaid(exposure: Exposure | undefined): boolean {
  return exposure !== undefined && exposure !== Exposure.UNSPECIFIED;
}

function checkCallers(field: string, names: readonly string[], complain: Complain): void {
  if (names.includes(edgeName)) complain(`${field} names edge`, 'exposure: EXPOSURE_EDGE');
  checkNames(field, names, complain);
}

/** Complains about a list of logical services that is too long or has something else in it; the edge is left to others. */
export function checkNames(field: string, names: readonly string[], complain: Complain): void {
  atMost(field, names, lengths.callers, complain);
  for (const name of names) {
    if (!isLogicalName(name)) {
      complain(`${field} names "${name}"`, 'a proto package without its version: "bakery.orders"');
    } else if (name.length > lengths.callerName) {
      complain(`${field} names a service of ${name.length} characters`, `at most ${lengths.callerName}`);
    }
  }
}

/** Sorted, so that the order in a contract changes nothing in what proxies get. */
function admitted(names: readonly string[], exposed: boolean): ReadonlySet<string> {
  return new Set([...names, ...(exposed ? [edgeName] : [])].sort());
}

function readRateLimits(policy: MethodPolicy | undefined, complain: Complain): RateLimit[] {
  const limits = policy?.rateLimits ?? [];
  atMost('rate_limits', limits, lengths.rateLimits, complain);
  return limits.map(({ caller, requests, per }) => {
    if (caller !== '*' && caller !== edgeName && !isLogicalName(caller)) {
      complain(`rate_limits names "${caller}"`, 'a proto package without its version, "edge" or "*"');
    }
    const perMs = per ? milliseconds(per) : defaultPeriodMs;
    within('rate_limits.per', perMs, bounds.rateLimitPeriod, complain);
    within('rate_limits.requests', requests, bounds.rateLimitRequests, complain);
    return { caller, requests, perMs };
  });
}

/** Whole milliseconds: Envoy's own timers know nothing smaller. */
function milliseconds(duration: Duration): number {
  return Math.round(durationMs(duration));
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
