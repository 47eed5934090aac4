import { z } from 'zod';
import { parseDuration } from '../facts/duration.ts';
import { nameSchema } from '../facts/name-schema.ts';

// As in manifest-schemas.ts, each message says what would be right. The CustomResourceDefinitions are made of these schemas too
// (mesh-policy/crd.ts), so every rule that JSON Schema can say stands in the schema and not in a refinement.

const yearMs = 365 * 24 * 3_600_000;

const durationText = z
  .string('a duration: "500ms", "3s", "2h"')
  .regex(/^([0-9]+([.][0-9]+)?(ms|s|m|h|d))+$/, 'a duration: "500ms", "3s", "2h"');

function duration(atLeastMs: number) {
  return durationText.transform((text, context) => {
    const durationMs = parseDuration(text);
    if (durationMs === undefined || durationMs < atLeastMs || durationMs > yearMs) {
      context.addIssue(`a duration from ${atLeastMs}ms to a year`);
    }
    return durationMs === undefined ? z.NEVER : Math.round(durationMs);
  });
}

const callerSchema = z
  .string('a logical service: "shop.orders"')
  .regex(/^[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*$/, 'a proto package without its version: "shop.orders"')
  .max(253, 'at most 253 characters');

const callersSchema = z
  .array(callerSchema, 'a list of logical services')
  .max(1000, 'at most 1000')
  .refine((names) => !names.includes('edge'), 'exposure: edge in place of the caller edge');

const exposureSchema = z.enum(['none', 'edge'], 'none or edge');

/** An exact path, or all paths below one. */
const pathSchema = z
  .string('a path: "/shop.orders.v1.OrderService/GetOrder"')
  .regex(/^\/[!-)+-~]*([*])?$/, 'a path: "/shop.orders.v1.OrderService/GetOrder", "/v1/users" or "/v1/*"')
  .max(1024, 'at most 1024 characters')
  .refine((path) => !path.endsWith('*') || path.endsWith('/*'), 'a path, or one that ends with "/*"');

const retryCodeSchema = z.enum(
  ['CANCELLED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE'],
  'CANCELLED, DEADLINE_EXCEEDED, INTERNAL, RESOURCE_EXHAUSTED or UNAVAILABLE',
);

const retrySchema = z.strictObject(
  {
    codes: z.array(retryCodeSchema, 'a list of gRPC codes').min(1, 'at least one code').optional(),
    maxRetries: z.int('0 to 10').min(0, '0 to 10').max(10, '0 to 10').optional(),
    baseBackoff: duration(1).optional(),
    maxBackoff: duration(1).optional(),
  },
  'codes, maxRetries, baseBackoff and maxBackoff',
);

const rateLimitSchema = z.strictObject(
  {
    caller: z
      .string('a logical service, "edge" or "*"')
      .regex(
        /^([*]|[a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*)$/,
        'a proto package without its version ("shop.orders"), "edge" or "*"',
      ),
    requests: z.int('a number above 0').min(1, 'a number above 0').max(0xffff_ffff, 'at most 4294967295'),
    per: duration(50).optional(),
  },
  'caller, requests and per',
);

const rateLimitsSchema = z.array(rateLimitSchema, 'a list of { caller, requests, per }').max(1000, 'at most 1000');

const countSchema = z.int('a number above 0').min(1, 'a number above 0').max(0xffff_ffff, 'at most 4294967295');
const percentSchema = z.number('0 to 100').min(0, '0 to 100').max(100, '0 to 100');

/** The options of weft.policy.v1.MethodPolicy, but for the idempotency key: what a repeat means only the application can say. */
const methodFields = {
  callers: callersSchema.optional(),
  addCallers: callersSchema.optional(),
  exposure: exposureSchema.optional(),
  deadline: duration(1).optional(),
  tryTimeout: duration(1).optional(),
  maxDuration: duration(1).optional(),
  idleTimeout: duration(1).optional(),
  retry: retrySchema.optional(),
  rateLimits: rateLimitsSchema.optional(),
  hedge: z
    .strictObject(
      { after: duration(1), maxTries: z.int('2 to 10').min(2, '2 to 10').max(10, '2 to 10').optional() },
      'after and maxTries',
    )
    .optional(),
  objective: z.strictObject({ percent: percentSchema, within: duration(1) }, 'percent and within').optional(),
  shadow: z
    .strictObject({ callers: callersSchema.optional(), exposure: exposureSchema.optional() }, 'callers and exposure')
    .optional(),
  faults: z
    .array(
      z
        .strictObject(
          {
            name: z.string('a name: "slow"').regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a name: "slow"'),
            delay: duration(1).optional(),
            abort: retryCodeSchema.optional(),
          },
          'name, delay and abort',
        )
        .refine(({ delay, abort }) => delay !== undefined || abort !== undefined, 'a delay, an abort or both'),
      'a list of { name, delay, abort }',
    )
    .max(20, 'at most 20')
    .optional(),
  mirror: nameSchema.optional(),
};

/** Whom a service calls: those without a contract have only the name of their Service. */
const calleeSchema = z
  .string('a logical service ("shop.orders") or a Service ("shop/legacy")')
  .regex(
    /^([a-z][a-z0-9_]*([.][a-z][a-z0-9_]*)*|[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?[/][a-z]([-a-z0-9]{0,61}[a-z0-9])?)$/,
    'a proto package without its version ("shop.orders") or the namespace and name of a Service ("shop/legacy")',
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
          percent: percentSchema.optional(),
          minConcurrent: z
            .int('a whole number')
            .min(0, 'a whole number')
            .max(0xffff_ffff, 'at most 4294967295')
            .optional(),
        },
        'percent and minConcurrent',
      )
      .optional(),
    maxConcurrentRequests: countSchema.optional(),
    calls: z.array(calleeSchema, 'a list of services').max(1000, 'at most 1000').optional(),
    defaults: z.strictObject(methodFields, 'the fields of a method').optional(),
    methods: z
      .array(
        z.strictObject(
          {
            path: pathSchema,
            kind: z.enum(['unary', 'stream'], 'unary or stream').optional(),
            idempotency: z
              .enum(['none', 'idempotent', 'noSideEffects'], 'none, idempotent or noSideEffects')
              .optional(),
            ...methodFields,
          },
          'path and the fields of a method',
        ),
        'a list of methods',
      )
      .max(2000, 'at most 2000')
      .optional(),
  },
  'service, callers, addCallers, exposure, retryBudget, maxConcurrentRequests, calls, defaults and methods',
);

const timeSchema = z
  .string('a time: "2026-01-31T12:00:00Z"')
  .regex(
    /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$/,
    'a time with its zone: "2026-01-31T12:00:00Z"',
  )
  .transform((text, context) => {
    const timeMs = Date.parse(text);
    if (Number.isNaN(timeMs)) context.addIssue('a time that is: "2026-01-31T12:00:00Z"');
    return timeMs;
  });

const anyCallersSchema = z
  .array(callerSchema, 'a list of logical services')
  .min(1, 'at least one')
  .max(1000, 'at most 1000');

/** `spec` of `weft.dev/v1 MeshOverride`. */
export const meshOverrideSpecSchema = z.strictObject(
  {
    service: nameSchema,
    methods: z.array(pathSchema, 'a list of paths').min(1, 'at least one path').max(2000, 'at most 2000').optional(),
    deny: anyCallersSchema.optional(),
    allow: anyCallersSchema.optional(),
    noRetry: z.boolean('true or false').optional(),
    retry: retrySchema.optional(),
    deadline: duration(1).optional(),
    maxDuration: duration(1).optional(),
    rateLimits: rateLimitsSchema.optional(),
    maxConcurrentRequests: countSchema.optional(),
    reason: z.string('words').max(2000, 'at most 2000 characters').optional(),
    expires: timeSchema.optional(),
    by: z.string('who').max(253, 'at most 253 characters').optional(),
  },
  'service, methods, deny, allow, noRetry, retry, deadline, maxDuration, rateLimits, maxConcurrentRequests, reason, expires and by',
);

/** A MeshPolicy or MeshOverride of a manifest, as far as its `spec` goes. */
export const meshPolicySchema = z.object({ spec: meshPolicySpecSchema });
export const meshOverrideSchema = z.object({ spec: meshOverrideSpecSchema });

export type MeshPolicySpec = z.output<typeof meshPolicySpecSchema>;
export type MeshOverrideSpec = z.output<typeof meshOverrideSpecSchema>;
export type MethodEntry = NonNullable<MeshPolicySpec['methods']>[number];
