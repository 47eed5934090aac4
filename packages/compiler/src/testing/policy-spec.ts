import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Code, Exposure } from '@weft/policy/weft/policy/v1/policy';
import fc from 'fast-check';
import { type TinyMethod, tinyContract } from './tiny-contract.ts';

// Random policies in words of their own, so that what they mean can be said without the compiler: policy-interpreter.ts.

/** Callers that a random policy may name, besides the edge. */
export const knownCallers = ['bakery.driver', 'bakery.other'] as const;

export interface RetrySpec {
  readonly codes: readonly ('UNAVAILABLE' | 'INTERNAL' | 'RESOURCE_EXHAUSTED' | 'DEADLINE_EXCEEDED' | 'CANCELLED')[];
  readonly maxRetries: number | undefined;
}

export interface MethodSpec {
  readonly kind: 'unary' | 'server' | 'client' | 'bidi';
  readonly level: 'none' | 'idempotent' | 'noSideEffects';
  readonly keyed: boolean;
  readonly retry: RetrySpec | undefined;
  readonly deadlineMs: number | undefined;
  readonly tryTimeoutMs: number | undefined;
  readonly idleTimeoutMs: number | undefined;
  readonly maxDurationMs: number | undefined;
  readonly callers: readonly string[] | undefined;
  readonly exposed: boolean | undefined;
  readonly hedge: { readonly afterMs: number; readonly maxTries: number | undefined } | undefined;
  readonly limits: readonly { readonly caller: string; readonly requests: number; readonly perMs: number }[];
  readonly shadow: readonly string[] | undefined;
  readonly objectiveMs: number | undefined;
  readonly rest: boolean;
}

export interface ServiceSpec {
  readonly callers: readonly string[];
  readonly exposed: boolean | undefined;
  readonly budget: { readonly percent: number; readonly minConcurrent: number } | undefined;
  readonly maxConcurrentRequests: number | undefined;
  /** The service's retry for methods that do not say their own. */
  readonly retry: RetrySpec | undefined;
  readonly methods: readonly MethodSpec[];
  /** A MeshPolicy over the contract. */
  readonly policy: { readonly addCallers: readonly string[]; readonly maxRetries: number | undefined } | undefined;
}

const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const callers = fc.subarray([...knownCallers]);
const retry: fc.Arbitrary<RetrySpec> = fc.record({
  codes: fc.subarray(['UNAVAILABLE', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'DEADLINE_EXCEEDED', 'CANCELLED']),
  maxRetries: optional(fc.integer({ min: 0, max: 4 })),
});

const method: fc.Arbitrary<MethodSpec> = fc
  .record({
    kind: fc.constantFrom('unary', 'unary', 'unary', 'server', 'client', 'bidi'),
    level: fc.constantFrom('none', 'idempotent', 'noSideEffects'),
    keyed: fc.boolean(),
    retry: fc.option(retry, { nil: undefined, freq: 6 }),
    // Short enough to see them pass, or too long to matter.
    deadlineMs: optional(fc.constantFrom(150, 250, 10_000, 20_000, 60_000, 3_600_000)),
    tryTimeoutMs: optional(fc.constantFrom(5000, 15_000)),
    idleTimeoutMs: optional(fc.integer({ min: 5000, max: 10_000_000 })),
    maxDurationMs: optional(fc.integer({ min: 5000, max: 10_000_000 })),
    callers: optional(callers),
    exposed: optional(fc.boolean()),
    hedge: optional(
      fc.record({ afterMs: fc.constantFrom(4000, 6000), maxTries: optional(fc.integer({ min: 2, max: 4 })) }),
    ),
    limits: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      fc.uniqueArray(
        fc.record({
          caller: fc.constantFrom('*', 'edge', ...knownCallers),
          requests: fc.integer({ min: 1, max: 3 }),
          perMs: fc.constantFrom(600_000, 3_600_000),
        }),
        { maxLength: 2, selector: ({ caller }) => caller },
      ),
    ),
    shadow: optional(callers),
    objectiveMs: optional(fc.integer({ min: 1, max: 60_000 })),
    rest: fc.boolean(),
  })
  .map((spec) => {
    const unary = spec.kind === 'unary';
    const keyed = unary && spec.keyed;
    const streams = spec.kind === 'client' || spec.kind === 'bidi';
    const longest = spec.deadlineMs ?? 15_000;
    // Only what the rules allow: whatever else is refused, which other tests show.
    return {
      ...spec,
      keyed,
      retry: (spec.level === 'none' && !keyed) || streams ? undefined : spec.retry,
      deadlineMs: unary ? spec.deadlineMs : undefined,
      tryTimeoutMs:
        unary && spec.tryTimeoutMs !== undefined && spec.tryTimeoutMs <= longest ? spec.tryTimeoutMs : undefined,
      idleTimeoutMs: unary ? undefined : spec.idleTimeoutMs,
      maxDurationMs: unary ? undefined : spec.maxDurationMs,
      hedge: unary && spec.level === 'noSideEffects' ? spec.hedge : undefined,
      rest: unary && spec.rest,
    };
  });

/** A service with a policy of every option that the rules allow. */
export const arbitraryService: fc.Arbitrary<ServiceSpec> = fc.record({
  callers,
  exposed: optional(fc.boolean()),
  budget: optional(
    fc.constantFrom(
      { percent: 0, minConcurrent: 0 },
      { percent: 5, minConcurrent: 10 },
      { percent: 80, minConcurrent: 50 },
    ),
  ),
  maxConcurrentRequests: optional(fc.integer({ min: 1, max: 100 })),
  retry: optional(retry),
  methods: fc.array(method, { minLength: 1, maxLength: 8 }),
  policy: optional(fc.record({ addCallers: callers, maxRetries: optional(fc.integer({ min: 0, max: 3 })) })),
});

/** The name of a method by its place. */
export const methodName = (index: number) => `Method${index}`;

/** The REST path of a method of a service. */
export const restPath = (service: string, index: number) => `/${service}/things/${index}`;

/** The contract that says what `spec` says; its logical name is `bakery.<service>`. */
export function contractOf(service: string, spec: ServiceSpec): Uint8Array {
  const methods = spec.methods.map((method, index) => [methodName(index), methodOf(service, method, index)] as const);
  return tinyContract(`bakery.${service}`, Object.fromEntries(methods), {
    callers: [...spec.callers],
    ...(spec.exposed === undefined ? {} : { exposure: exposure(spec.exposed) }),
    ...(spec.budget ? { retryBudget: spec.budget } : {}),
    ...(spec.maxConcurrentRequests === undefined ? {} : { maxConcurrentRequests: spec.maxConcurrentRequests }),
    ...(spec.retry ? { defaults: { retry: retryOf(spec.retry) } } : {}),
  });
}

function methodOf(service: string, spec: MethodSpec, index: number): TinyMethod {
  const levels = {
    none: Level.IDEMPOTENCY_UNKNOWN,
    idempotent: Level.IDEMPOTENT,
    noSideEffects: Level.NO_SIDE_EFFECTS,
  };
  return {
    kind: spec.kind,
    level: levels[spec.level],
    ...(spec.rest ? { http: { verb: 'post', path: restPath(service, index) } } : {}),
    policy: {
      ...time('deadline', spec.deadlineMs),
      ...time('tryTimeout', spec.tryTimeoutMs),
      ...time('idleTimeout', spec.idleTimeoutMs),
      ...time('maxDuration', spec.maxDurationMs),
      ...(spec.keyed ? { idempotencyKey: 'key' } : {}),
      ...(spec.retry ? { retry: retryOf(spec.retry) } : {}),
      ...(spec.callers ? { callers: { names: [...spec.callers] } } : {}),
      ...(spec.exposed === undefined ? {} : { exposure: exposure(spec.exposed) }),
      ...(spec.hedge
        ? {
            hedge: {
              after: duration(spec.hedge.afterMs),
              ...(spec.hedge.maxTries === undefined ? {} : { maxTries: spec.hedge.maxTries }),
            },
          }
        : {}),
      ...(spec.shadow ? { shadow: { callers: { names: [...spec.shadow] } } } : {}),
      ...(spec.objectiveMs === undefined ? {} : { objective: { percent: 99, within: duration(spec.objectiveMs) } }),
      rateLimits: spec.limits.map(({ caller, requests, perMs }) => ({ caller, requests, per: duration(perMs) })),
    },
  };
}

function retryOf({ codes, maxRetries }: RetrySpec) {
  return {
    codes: codes.map((code) => Code[code]),
    ...(maxRetries === undefined ? {} : { maxRetries }),
    baseBackoff: duration(1),
  };
}

function exposure(exposed: boolean): Exposure {
  return exposed ? Exposure.EDGE : Exposure.NONE;
}

function time<K extends string>(name: K, ms: number | undefined) {
  return ms === undefined ? {} : { [name]: duration(ms) };
}

function duration(ms: number) {
  return { seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 };
}
