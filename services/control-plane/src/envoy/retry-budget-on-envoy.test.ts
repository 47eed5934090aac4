import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Code } from '@weft/contracts/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { type Behaviour, behaviours } from './testing/raw-application.ts';
import { counter, type RunningShop, runShop } from './testing/running-shop.ts';
import { tinyContract, tinyPath } from './testing/tiny-contract.ts';

// One of three replicas fails for good. Its calls are tried again on the others, which must not fall with it.

const test = anyTest as TestFn<RunningShop>;
const retry = { codes: [Code.UNAVAILABLE], maxRetries: 3, baseBackoff: { nanos: 1_000_000 } };
const tries = { tryTimeout: { nanos: 100_000_000 } };
const calls = 1500;
const atOnce = 30;

test.before(async (t) => {
  const front = tinyContract('shop.front', { Call: {} });
  const leaf = tinyContract(
    'shop.leaf',
    { Safe: { level: Level.NO_SIDE_EFFECTS, policy: { retry, ...tries } } },
    // 20 % of what is under way; the floor is below that, so that the share counts.
    { callers: ['shop.front'], retryBudget: { percent: 20, minConcurrent: 1 } },
  );
  Object.assign(t.context, await runShop({ front, leaf }, { replicas: { leaf: 3 } }));
});

test.after.always((t) => t.context.stop?.());

const works: Behaviour = (stream) => {
  // A try that is late is gone by then.
  setTimeout(() => stream.destroyed || behaviours.ok(stream), 10);
};

/** What the three replicas saw of `calls` calls, and what the caller's Envoy counted. */
async function load(t: { context: RunningShop }, failing: Behaviour) {
  const others = ['leaf-1', 'leaf-2'].map((name) => t.context.replica(name).application);
  const first = t.context.replica('leaf-0').application;
  const { caller, envoy } = t.context.replica('front-0');
  const counters = () =>
    Promise.all(
      ['upstream_rq_retry', 'upstream_rq_retry_overflow', 'upstream_rq_per_try_timeout'].map((name) =>
        counter(envoy, `cluster.outbound|shop/leaf.${name}`),
      ),
    );
  first.behaviour = failing;
  for (const application of [first, ...others]) application.seen.length = 0;
  for (const application of others) application.behaviour = works;
  const before = await counters();
  let left = calls;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await caller.call({ authority: 'shop.leaf', path: tinyPath('shop.leaf', 'Safe') });
    }),
  );
  const [retries = 0, refused = 0, timeouts = 0] = (await counters()).map(
    (value, index) => value - (before[index] ?? 0),
  );
  const seen = others.reduce((sum, application) => sum + application.seen.length, 0);
  return { seen, inAll: (seen + first.seen.length) / calls, atFirst: first.seen.length, retries, refused, timeouts };
}

test.serial(
  'a replica that answers UNAVAILABLE: the others have less than 1.3 times the load that they had',
  async (t) => {
    const well = await load(t, works);
    const ill = await load(t, behaviours.unavailable);
    t.log({ well, ill });
    t.true(ill.atFirst > 0 && ill.retries > 0 && ill.refused > 0);
    t.true(ill.seen / well.seen < 1.3, 'the load of the others');
    t.true(ill.inAll < 1.3, 'tries for each call');
  },
);

test.serial('a replica that hangs: tries end in time, and there are less than 1.3 of them for each call', async (t) => {
  const ill = await load(t, behaviours.hang);
  t.log(ill);
  t.true(ill.timeouts > 0);
  // Most calls go to the others from the start, since the replica that answers nothing has the most requests under way.
  t.true(ill.inAll < 1.3, 'tries for each call');
});
