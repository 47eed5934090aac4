import { z } from 'zod';
import { accessLogSchema } from '../facts/access-log-schema.ts';
import { parseDuration } from '../facts/duration.ts';
import { nameSchema } from '../facts/name-schema.ts';
import { type Bound, bounds, boundWords, isWithin, lengths } from '../model/bounds.ts';
import { notCanonical } from '../model/request-path.ts';

// As in manifest-schemas.ts, each message says what would be right. The CustomResourceDefinitions are made of these schemas too
// (mesh-policy/crd.ts), so every rule that JSON Schema can say stands in the schema and not in a refinement.

const durationText = z
  .string('a duration: "500ms", "3s", "2h"')
  .regex(/^([0-9]+([.][0-9]+)?(ms|s|m|h|d))+$/, 'a duration: "500ms", "3s", "2h"')
  .max(lengths.durationText, `at most ${lengths.durationText} characters`);

function duration(bound: Bound) {
  return durationText.transform((text, context) => {
    const durationMs = parseDuration(text);
    if (durationMs === undefined || !isWithin(durationMs, bound)) context.addIssue(boundWords(bound));
    return durationMs === undefined ? z.NEVER : Math.round(durationMs);
  });
}

function number(bound: Bound) {
  const words = boundWords(bound);
  return (bound.whole ? z.int(words) : z.number(words)).min(bound.min, words).max(bound.max, words);
}

function list<Item extends z.ZodType>(item: Item, most: number, what: string) {
  return z.array(item, what).max(most, `at most ${most}`);
}

const callerSchema = z
  .string('a logical service: "bakery.orders"')
  .regex(/^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$/, 'a proto package without its version: "bakery.orders"')
  .max(lengths.callerName, `at most ${lengths.callerName} characters`);

const callersSchema = list(callerSchema, lengths.callers, 'a list of logical services').refine(
  (names) => !names.includes('edge'),
  'exposure: edge in place of the caller edge',
);

const exposureSchema = z.enum(['none', 'edge'], 'none or edge');

/** An exact path, or all paths below one. */
const pathSchema = z
  .string('a path: "/bakery.orders.v1.OrderService/GetOrder"')
  .regex(/^\/[!-)+-~]*([*])?$/, 'a path: "/bakery.orders.v1.OrderService/GetOrder", "/v1/users" or "/v1/*"')
  .max(lengths.path, `at most ${lengths.path} characters`)
  .refine((path) => !path.endsWith('*') || path.endsWith('/*'), 'a path, or one that ends with "/*"')
  .superRefine((path, context) => {
    const found = notCanonical(path);
    if (found) context.addIssue(`${found.canonical ?? 'a path without it'} (${found.reason})`);
  });

const retryCodeSchema = z.enum(
  ['CANCELLED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'],
  'CANCELLED, DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED or UNAVAILABLE',
);

const retrySchema = z.strictObject(
  {
    codes: z.array(retryCodeSchema, 'a list of gRPC codes').min(1, 'at least one code').optional(),
    maxRetries: number(bounds.maxRetries).optional(),
    baseBackoff: duration(bounds.baseBackoff).optional(),
    maxBackoff: duration(bounds.maxBackoff).optional(),
  },
  'codes, maxRetries, baseBackoff and maxBackoff',
);

const rateLimitSchema = z.strictObject(
  {
    caller: z
      .string('a logical service, "edge" or "*"')
      .regex(
        /^([*]|[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*)$/,
        'a proto package without its version ("bakery.orders"), "edge" or "*"',
      )
      .max(lengths.callerName, `at most ${lengths.callerName} characters`),
    requests: number(bounds.rateLimitRequests),
    per: duration(bounds.rateLimitPeriod).optional(),
  },
  'caller, requests and per',
);

const rateLimitsSchema = list(rateLimitSchema, lengths.rateLimits, 'a list of { caller, requests, per }');

/** The options of weft.policy.v1.MethodPolicy, but for the idempotency key: what a repeat means only the application can say. */
const methodFields = {
  callers: callersSchema.optional(),
  addCallers: callersSchema.optional(),
  exposure: exposureSchema.optional(),
  deadline: duration(bounds.deadline).optional(),
  tryTimeout: duration(bounds.tryTimeout).optional(),
  maxDuration: duration(bounds.maxDuration).optional(),
  idleTimeout: duration(bounds.idleTimeout).optional(),
  retry: retrySchema.optional(),
  rateLimits: rateLimitsSchema.optional(),
  hedge: z
    .strictObject(
      { after: duration(bounds.hedgeAfter), maxTries: number(bounds.hedgeTries).optional() },
      'after and maxTries',
    )
    .optional(),
  objective: z
    .strictObject(
      { percent: number(bounds.objectivePercent), within: duration(bounds.objectiveWithin) },
      'percent and within',
    )
    .optional(),
  shadow: z
    .strictObject({ callers: callersSchema.optional(), exposure: exposureSchema.optional() }, 'callers and exposure')
    .optional(),
  faults: list(
    z
      .strictObject(
        {
          name: z.string('a name: "slow"').regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a name: "slow"'),
          delay: duration(bounds.faultDelay).optional(),
          abort: retryCodeSchema.optional(),
        },
        'name, delay and abort',
      )
      .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, 'a delay, an abort or both'),
    lengths.faults,
    'a list of { name, delay, abort }',
  ).optional(),
  mirror: nameSchema.optional(),
};

/** Whom a service calls: those without a contract have only the name of their Service. */
const calleeSchema = z
  .string('a logical service ("bakery.orders") or a Service ("bakery/legacy")')
  .regex(
    /^([a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[/][a-z]([-a-z0-9]{0,61}[a-z0-9])?)$/,
    'a proto package without its version ("bakery.orders") or the namespace and name of a Service ("bakery/legacy")',
  )
  .max(253, 'at most 253 characters');

/** `spec` of `weft.dev/v1 MeshPolicy`. */
export const meshPolicySpecSchema = z.strictObject(
  {
    service: nameSchema,
    callers: methodFields.callers,
    addCallers: methodFields.addCallers,
    exposure: methodFields.exposure,
    retryBudget: z
      .strictObject(
        {
          percent: number(bounds.retryBudgetPercent).optional(),
          minConcurrent: number(bounds.retryBudgetConcurrent).optional(),
        },
        'percent and minConcurrent',
      )
      .optional(),
    maxConcurrentRequests: number(bounds.concurrentRequests).optional(),
    accessLog: accessLogSchema.optional(),
    calls: list(calleeSchema, lengths.callers, 'a list of services').optional(),
    defaults: z.strictObject(methodFields, 'the fields of a method').optional(),
    methods: list(
      z.strictObject(
        {
          path: pathSchema,
          kind: z.enum(['unary', 'stream'], 'unary or stream').optional(),
          idempotency: z.enum(['none', 'idempotent', 'noSideEffects'], 'none, idempotent or noSideEffects').optional(),
          ...methodFields,
        },
        'path and the fields of a method',
      ),
      lengths.methods,
      'a list of methods',
    ).optional(),
  },
  'service, callers, addCallers, exposure, retryBudget, maxConcurrentRequests, accessLog, calls, defaults and methods',
);

const timeSchema = z
  .string('a time: "2026-01-31T12:00:00Z"')
  .regex(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$/,
    'a time with its zone: "2026-01-31T12:00:00Z"',
  )
  .transform((text, context) => {
    const timeMs = Date.parse(text);
    if (Number.isNaN(timeMs)) context.addIssue('a valid time: "2026-01-31T12:00:00Z"');
    return timeMs;
  });

const anyCallersSchema = list(callerSchema, lengths.callers, 'a list of logical services').min(1, 'at least one');

/** `spec` of `weft.dev/v1 MeshOverride`. */
export const meshOverrideSpecSchema = z.strictObject(
  {
    service: nameSchema,
    methods: list(pathSchema, lengths.methods, 'a list of paths').min(1, 'at least one path').optional(),
    deny: anyCallersSchema.optional(),
    allow: anyCallersSchema.optional(),
    noRetry: z.boolean('true or false').optional(),
    retry: retrySchema.optional(),
    deadline: duration(bounds.deadline).optional(),
    maxDuration: duration(bounds.maxDuration).optional(),
    rateLimits: rateLimitsSchema.optional(),
    maxConcurrentRequests: number(bounds.concurrentRequests).optional(),
    reason: z.string('words').max(lengths.reason, `at most ${lengths.reason} characters`).optional(),
    expires: timeSchema.optional(),
    by: z.string('who').max(lengths.author, `at most ${lengths.author} characters`).optional(),
  },
  'service, methods, deny, allow, noRetry, retry, deadline, maxDuration, rateLimits, maxConcurrentRequests, reason, expires and by',
);

/** A MeshPolicy or MeshOverride of a manifest, as far as its `spec` goes. */
export const meshPolicySchema = z.object({ spec: meshPolicySpecSchema });
export const meshOverrideSchema = z.object({ spec: meshOverrideSpecSchema });

export type MeshPolicySpec = z.output<typeof meshPolicySpecSchema>;
export type MeshOverrideSpec = z.output<typeof meshOverrideSpecSchema>;
export type MethodEntry = NonNullable<MeshPolicySpec['methods']>[number];
