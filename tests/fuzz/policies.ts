import { stringify } from 'yaml';
import { oddDuration, oddNumber, oddText, oddValue } from './odd-values.ts';
import type { Random } from './random.ts';

const paths = [
  '/fuzz.random.v1.RandomService/Method0',
  '/fuzz.random.v1.RandomService/*',
  '/v1/*',
  '/shop.orders.v1.OrderService/PlaceOrder',
];

/** One file of MeshPolicy and MeshOverride resources of the namespace `fuzz`, some of which nobody can mean. */
export function oddPolicies(random: Random): string {
  const resources = Array.from({ length: random.int(1, 3) }, () => oddResource(random));
  let text: string;
  try {
    text = resources.map((resource) => stringify(resource)).join('---\n');
  } catch {
    // YAML has no word for some of it (too deep).
    text = JSON.stringify(resources);
  }
  return random.chance(0.15) ? random.mutate(Buffer.from(text)).toString('latin1') : text;
}

function oddResource(random: Random): unknown {
  const override = random.chance(0.4);
  const fields = override ? overrideFields : policyFields;
  const spec: Record<string, unknown> = { service: random.chance(0.9) ? 'random' : oddText(random) };
  for (let count = random.int(1, 4); count > 0; count--) {
    const [name, value] = random.pick(fields);
    spec[name] = random.chance(0.15) ? oddValue(random) : value(random);
  }
  return {
    apiVersion: random.chance(0.95) ? 'weft.dev/v1' : oddText(random),
    kind: override ? 'MeshOverride' : 'MeshPolicy',
    metadata: {
      namespace: random.chance(0.9) ? 'fuzz' : random.pick(['shop', 'weft', oddText(random)]),
      name: `p${random.int(0, 3)}`,
      ...(override ? { creationTimestamp: new Date().toISOString() } : {}),
    },
    spec,
  };
}

type Field = readonly [string, (random: Random) => unknown];

const names = (random: Random) => [random.pick(['shop.orders', 'edge', oddText(random)])];
const count = (random: Random) => random.pick([0, 1, 3, oddNumber(random)]);

const method: readonly Field[] = [
  ['callers', names],
  ['addCallers', names],
  ['exposure', (random) => random.pick(['none', 'edge', oddText(random)])],
  ['deadline', oddDuration],
  ['tryTimeout', oddDuration],
  ['maxDuration', oddDuration],
  ['idleTimeout', oddDuration],
  [
    'retry',
    (random) => ({
      codes: [random.pick(['UNAVAILABLE', oddText(random)])],
      maxRetries: count(random),
      baseBackoff: oddDuration(random),
    }),
  ],
  [
    'rateLimits',
    (random) => [{ caller: random.pick(['*', oddText(random)]), requests: count(random), per: oddDuration(random) }],
  ],
  ['hedge', (random) => ({ after: oddDuration(random), maxTries: count(random) })],
  ['objective', (random) => ({ percent: oddNumber(random), within: oddDuration(random) })],
  ['shadow', (random) => ({ callers: names(random) })],
  ['faults', (random) => [{ percent: oddNumber(random), delay: oddDuration(random), abort: oddText(random) }]],
  ['mirror', (random) => ({ service: oddText(random), percent: oddNumber(random) })],
];

const policyFields: readonly Field[] = [
  ...method,
  ['defaults', (random) => Object.fromEntries([random.pick(method)].map(([name, value]) => [name, value(random)]))],
  [
    'methods',
    (random) => [
      {
        path: random.chance(0.7) ? random.pick(paths) : oddText(random),
        ...Object.fromEntries([random.pick(method)].map(([name, value]) => [name, value(random)])),
      },
    ],
  ],
  ['retryBudget', (random) => ({ percent: oddNumber(random), minConcurrent: count(random) })],
  ['maxConcurrentRequests', count],
  ['accessLog', (random) => random.pick(['all', 'sampled', 'errors', 'off', oddText(random)])],
  ['calls', names],
];

const overrideFields: readonly Field[] = [
  ['methods', (random) => [random.chance(0.7) ? random.pick(paths) : oddText(random)]],
  ['deny', names],
  ['allow', names],
  ['noRetry', (random) => random.pick([true, false])],
  ['retry', (random) => ({ maxRetries: count(random) })],
  ['deadline', oddDuration],
  ['maxDuration', oddDuration],
  ['rateLimits', (random) => [{ caller: '*', requests: count(random), per: oddDuration(random) }]],
  ['maxConcurrentRequests', count],
  ['reason', oddText],
  ['expires', (random) => random.pick([new Date(Date.now() + 3_600_000).toISOString(), '9999-99-99', oddText(random)])],
  ['by', oddText],
];
