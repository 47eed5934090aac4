import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Code } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { type Behaviour, behaviours } from './testing/raw-application.ts';
import { counter, type RunningBakery, runBakery } from './testing/running-bakery.ts';

// One of five replicas fails for good. Its calls are tried again on the others, which must not fall with it: four that do the work of
// five have 1.25 times what they had, and retries may add little to that. When all fail, the budget alone bounds what they see.

const test = anyTest as TestFn<RunningBakery>;
const retry = { codes: [Code.UNAVAILABLE], maxRetries: 3, baseBackoff: { nanos: 1_000_000 } };
const tries = { tryTimeout: { seconds: 1n } };
const replicas = 5;
/** What the others have at least, when they do the failed one's work too. */
const theirShare = replicas / (replicas - 1);
const calls = 1500;
const atOnce = 30;

test.before(async (t) => {
  const front = tinyContract('bakery.front', { Call: {} });
  const leaf = tinyContract(
    'bakery.leaf',
    { Safe: { level: Level.NO_SIDE_EFFECTS, policy: { retry, ...tries } } },
    // 20 % of what is under way; the floor is below that, so that the share counts.
    { callers: ['bakery.front'], retryBudget: { percent: 20, minConcurrent: 1 } },
  );
  Object.assign(t.context, await runBakery({ front, leaf }, { replicas: { leaf: replicas } }));
});

test.after.always((t) => t.context.stop?.());

const works: Behaviour = (stream) => {
  // A try that is late is gone by then.
  setTimeout(() => stream.destroyed || behaviours.ok(stream), 10);
};

/** What the replicas saw of `calls` calls, and what the caller's Envoy counted; the first replica is the one that fails. */
async function load(t: { context: RunningBakery }, failing: Behaviour, rest: Behaviour = works) {
  const [first, ...others] = Array.from(
    { length: replicas },
    (_, index) => t.context.replica(`leaf-${index}`).application,
  );
  if (first === undefined) throw new Error('there are no replicas');
  const { caller, envoy } = t.context.replica('front-0');
  const counters = () =>
    Promise.all(
      ['upstream_rq_retry', 'upstream_rq_retry_overflow', 'upstream_rq_per_try_timeout'].map((name) =>
        counter(envoy, `cluster.outbound|bakery/leaf.${name}`),
      ),
    );
  first.behaviour = failing;
  for (const application of others) application.behaviour = rest;
  for (const application of [first, ...others]) application.seen.length = 0;
  const before = await counters();
  let left = calls;
  let answered = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) {
        const answer = await caller.call({ authority: 'bakery.leaf', path: tinyPath('bakery.leaf', 'Safe') });
        if (answer.grpcStatus === '0') answered++;
      }
    }),
  );
  const [retries = 0, refused = 0, timeouts = 0] = (await counters()).map(
    (value, index) => value - (before[index] ?? 0),
  );
  const seen = others.reduce((sum, application) => sum + application.seen.length, 0);
  return {
    answered,
    seen,
    inAll: (seen + first.seen.length) / calls,
    atFirst: first.seen.length,
    retries,
    refused,
    timeouts,
  };
}

for (const [what, failing] of [
  ['answers UNAVAILABLE', behaviours.unavailable],
  ['hangs', behaviours.hang],
] as const) {
  test.serial(`a replica that ${what}: the load on the others stays under 1.3 times what they had`, async (t) => {
    const well = await load(t, works);
    const ill = await load(t, failing);
    t.log({ well, ill, theirShare });
    t.is(well.answered, calls);
    t.true(ill.atFirst > 0 && ill.retries > 0, 'the failing replica is called, and its calls are tried again');
    if (failing === behaviours.hang) t.true(ill.timeouts > 0);
    t.true(ill.seen / well.seen < 1.3, 'the load on the others');
    t.true(ill.inAll < 1.3, 'tries for each call');
  });
}

test.serial('when all replicas fail, the budget and not the number of retries bounds the load on them', async (t) => {
  const ill = await load(t, behaviours.unavailable, behaviours.unavailable);
  t.log(ill);
  t.is(ill.answered, 0);
  t.true(ill.retries > 0 && ill.refused > 0, 'retries are refused');
  // Without a budget there would be 1 + 3.
  t.true(ill.inAll < 1.3, 'tries for each call');
});
