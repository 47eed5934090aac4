import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { MethodPolicySchema, ServicePolicySchema } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { meshPolicySpecSchema } from '../mesh-policy/schemas.ts';
import { type Bound, bounds, lengths } from '../model/bounds.ts';
import { withPolicy, withServicePolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { lint } from './lint.ts';

const orders = descriptorSet('bakery.orders');
const catalog = descriptorSet('bakery.catalog');

const unary = (value: MessageInitShape<typeof MethodPolicySchema>) => withPolicy(catalog, 'GetProduct', value);
const stream = (value: MessageInitShape<typeof MethodPolicySchema>) => withPolicy(orders, 'WatchOrder', value);
const service = (value: MessageInitShape<typeof ServicePolicySchema>) => withServicePolicy(orders, value);
const ms = (value: number) =>
  Number.isFinite(value) ? durationFromMs(value) : { seconds: 9_223_372_036_854_775_807n };
const text = (value: number) => `${value}ms`;

/** How a contract and a MeshPolicy say each bounded value; `field`: as the complaint names it. */
const fields: Readonly<
  Record<
    Exclude<
      keyof typeof bounds,
      | 'faultDelay'
      | 'overrideLasts'
      | 'certificateLifetime'
      | 'gatewayBytes'
      | 'gatewayHeaders'
      | 'gatewayHeaderBytes'
      | 'backendWeight'
      | 'port'
    >,
    {
      readonly field: string;
      readonly contract: (value: number) => Uint8Array;
      readonly policy: (value: number) => object;
    }
  >
> = {
  deadline: {
    field: 'deadline',
    contract: (value) => unary({ deadline: ms(value) }),
    policy: (value) => ({ defaults: { deadline: text(value) } }),
  },
  tryTimeout: {
    field: 'try_timeout',
    contract: (value) => unary({ deadline: ms(bounds.deadline.max), tryTimeout: ms(value) }),
    policy: (value) => ({ defaults: { tryTimeout: text(value) } }),
  },
  maxDuration: {
    field: 'max_duration',
    contract: (value) => stream({ maxDuration: ms(value) }),
    policy: (value) => ({ defaults: { maxDuration: text(value) } }),
  },
  idleTimeout: {
    field: 'idle_timeout',
    contract: (value) => stream({ idleTimeout: ms(value) }),
    policy: (value) => ({ defaults: { idleTimeout: text(value) } }),
  },
  maxRetries: {
    field: 'retry.max_retries',
    contract: (value) => unary({ retry: { maxRetries: value } }),
    policy: (value) => ({ defaults: { retry: { maxRetries: value } } }),
  },
  baseBackoff: {
    field: 'retry.base_backoff',
    contract: (value) => unary({ retry: { baseBackoff: ms(value) } }),
    policy: (value) => ({ defaults: { retry: { baseBackoff: text(value) } } }),
  },
  maxBackoff: {
    field: 'retry.max_backoff',
    contract: (value) => unary({ retry: { baseBackoff: ms(1), maxBackoff: ms(value) } }),
    policy: (value) => ({ defaults: { retry: { maxBackoff: text(value) } } }),
  },
  hedgeAfter: {
    field: 'hedge.after',
    contract: (value) => unary({ hedge: { after: ms(value) } }),
    policy: (value) => ({ defaults: { hedge: { after: text(value) } } }),
  },
  hedgeTries: {
    field: 'hedge.max_tries',
    contract: (value) => unary({ hedge: { after: ms(1), maxTries: value } }),
    policy: (value) => ({ defaults: { hedge: { after: '1ms', maxTries: value } } }),
  },
  rateLimitRequests: {
    field: 'rate_limits.requests',
    contract: (value) => unary({ rateLimits: [{ caller: '*', requests: value }] }),
    policy: (value) => ({ defaults: { rateLimits: [{ caller: '*', requests: value }] } }),
  },
  rateLimitPeriod: {
    field: 'rate_limits.per',
    contract: (value) => unary({ rateLimits: [{ caller: '*', requests: 1, per: ms(value) }] }),
    policy: (value) => ({ defaults: { rateLimits: [{ caller: '*', requests: 1, per: text(value) }] } }),
  },
  retryBudgetPercent: {
    field: 'retry_budget.percent',
    contract: (value) => service({ retryBudget: { percent: value } }),
    policy: (value) => ({ retryBudget: { percent: value } }),
  },
  retryBudgetConcurrent: {
    field: 'retry_budget.min_concurrent',
    contract: (value) => service({ retryBudget: { minConcurrent: value } }),
    policy: (value) => ({ retryBudget: { minConcurrent: value } }),
  },
  concurrentRequests: {
    field: 'max_concurrent_requests',
    contract: (value) => service({ maxConcurrentRequests: value }),
    policy: (value) => ({ maxConcurrentRequests: value }),
  },
  objectivePercent: {
    field: 'objective.percent',
    contract: (value) => unary({ objective: { percent: value, within: ms(1) } }),
    policy: (value) => ({ defaults: { objective: { percent: value, within: '1ms' } } }),
  },
  objectiveWithin: {
    field: 'objective.within',
    contract: (value) => unary({ objective: { percent: 99, within: ms(value) } }),
    policy: (value) => ({ defaults: { objective: { percent: 99, within: text(value) } } }),
  },
};

function outside({ min, max, unit, whole }: Bound): number[] {
  const around = [min - 1, max + 1, ...(unit === 'ms' ? [0, -1000, 9e15, Number.POSITIVE_INFINITY] : [])];
  return whole || unit ? around : [...around, Number.NaN, Number.POSITIVE_INFINITY, -0.001, 100.001];
}

for (const [name, { field, contract, policy }] of Object.entries(fields)) {
  const bound: Bound = bounds[name as keyof typeof fields];
  test(`${field} holds its bound in a contract and in a MeshPolicy`, (t) => {
    for (const value of [bound.min, bound.max]) {
      t.deepEqual(lint(contract(value)), [], `${value}`);
      t.is(meshPolicySpecSchema.safeParse({ service: 'x', ...policy(value) }).error, undefined, `${value}`);
    }
    for (const value of outside(bound)) {
      // What uint32 cannot carry has no form in a contract.
      if (!bound.whole || (value >= 0 && value <= 0xffff_ffff)) {
        const [problem] = lint(contract(value));
        t.true(problem?.message.startsWith(`${field} is `), `${value}: ${problem?.message}`);
        t.regex(problem?.advice ?? '', / from .* to /);
      }
      t.truthy(meshPolicySpecSchema.safeParse({ service: 'x', ...policy(value) }).error, `${value}`);
    }
  });
}

test('lists and names of a contract hold their bounds', (t) => {
  const names = Array.from({ length: lengths.callers + 1 }, (_, index) => `bakery.caller${index}`);
  const limits = names.map((caller) => ({ caller, requests: 1 }));
  const long = `bakery.${'a'.repeat(lengths.callerName)}`;
  const messages = [
    unary({ callers: { names } }),
    unary({ shadow: { callers: { names } } }),
    unary({ rateLimits: limits }),
    unary({ callers: { names: [long] } }),
    unary({ callers: { names: [''] } }),
    unary({ hedge: {} }),
  ].map((set) => lint(set)[0]?.message ?? '');
  t.deepEqual(messages, [
    'callers has 1001 entries',
    'shadow.callers has 1001 entries',
    'rate_limits has 1001 entries',
    'callers names a service of 260 characters',
    'callers names ""',
    'hedge has no after',
  ]);
});

test('numbers of a Gateway and of the MeshConfig hold their bounds', (t) => {
  const problems = (gateway: object, mesh: object = {}) =>
    parseDirectory(new MeshDirectory(mesh).edge('127.0.0.1:1', gateway).files).problems.map(({ message }) => message);
  t.deepEqual(problems({ maxMessageBytes: bounds.gatewayBytes.max, maxHeaders: 1 }), []);
  for (const gateway of [
    { maxMessageBytes: 2 ** 32 },
    { maxHeaderBytes: 0 },
    { maxHeaders: 10_001 },
    { maxHeaders: 1.5 },
  ]) {
    t.is(problems(gateway).length, 1, JSON.stringify(gateway));
  }
  for (const certificateLifetime of ['99999999999d', '999ms']) {
    t.true(problems({}, { certificateLifetime }).length > 0, certificateLifetime);
  }
});
