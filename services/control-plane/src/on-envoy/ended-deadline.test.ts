import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Code } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { startLoad } from './testing/load.ts';
import { type Behaviour, behaviours, trailersOnly } from './testing/raw-application.ts';
import { counter, type RunningBakery, runBakery } from './testing/running-bakery.ts';

// A deadline that has passed is the end of a call, also where the contract repeats DEADLINE_EXCEEDED and the caller's sidecar does
// not know yet. The clocks of the two sidecars are moments apart; here one version's deadline is far below the other's, and the
// caller has the longer one.

const test = anyTest as TestFn<RunningBakery>;
const retry = { codes: [Code.DEADLINE_EXCEEDED], maxRetries: 2, baseBackoff: { nanos: 1_000_000 } };
const method = (deadline: object) => ({ level: Level.IDEMPOTENT, policy: { retry, deadline } });
const short = { nanos: 200_000_000 };
const long = { seconds: 60n };
const stream = { kind: 'server', level: Level.IDEMPOTENT } as const;
const leaf = (deadline: object) =>
  tinyContract(
    'bakery.leaf',
    {
      Call: method(deadline),
      Steady: {},
      Idle: { ...stream, policy: { retry, idleTimeout: deadline } },
      Longest: { ...stream, policy: { retry, maxDuration: deadline } },
    },
    { callers: ['bakery.front'] },
  );

test.before(async (t) => {
  const bakery = await runBakery(
    { front: tinyContract('bakery.front', { Call: {} }), leaf: leaf(short) },
    { replicas: { leaf: 2 } },
  );
  Object.assign(t.context, bakery);
  bakery.publish('leaf', leaf(long), ['leaf-1']);
  bakery.directory.put('policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'tests' },
    spec: {
      service: 'leaf',
      methods: [{ path: tinyPath('bakery.leaf', 'Call'), faults: [{ name: 'late', abort: 'DEADLINE_EXCEEDED' }] }],
    },
  });
  await bakery.apply();
});

test.after.always((t) => t.context.stop?.());

/** How often the two replicas see one call that reaches `leaf-0` first, and how it ends. */
async function one(t: { context: RunningBakery }, name: string, headers: Record<string, string> = {}) {
  const [first, second] = ['leaf-0', 'leaf-1'].map((replica) => t.context.replica(replica).application.seen);
  if (first === undefined || second === undefined) throw new Error('two replicas');
  const { caller } = t.context.replica('front-0');
  for (;;) {
    first.length = 0;
    second.length = 0;
    const { grpcStatus } = await caller.call({
      authority: 'bakery.leaf',
      path: tinyPath('bakery.leaf', name),
      headers,
    });
    if (first.length > 0) return { grpcStatus, seen: first.length + second.length };
  }
}

for (const name of ['Call', 'Idle', 'Longest']) {
  test.serial(`a call whose time is over at the callee is not tried again: ${name}`, async (t) => {
    t.context.replica('leaf-0').application.behaviour = behaviours.hang;
    t.context.replica('leaf-1').application.behaviour = behaviours.ok;
    for (let times = 0; times < 5; times++) t.deepEqual(await one(t, name), { grpcStatus: '4', seen: 1 });
  });
}

test.serial(
  "an application's own DEADLINE_EXCEEDED is tried again, unless it says that its deadline has passed",
  async (t) => {
    for (const replica of ['leaf-0', 'leaf-1']) t.context.replica(replica).application.behaviour = trailersOnly('4');
    t.deepEqual(await one(t, 'Call'), { grpcStatus: '4', seen: 3 });
    const late = trailersOnly('4', { 'x-weft-failure': 'late' });
    for (const replica of ['leaf-0', 'leaf-1']) t.context.replica(replica).application.behaviour = late;
    t.deepEqual(await one(t, 'Call'), { grpcStatus: '4', seen: 1 });
  },
);

test.serial('hundreds of calls that end so at once tear no connection, nor any other call on it', async (t) => {
  const [first, second] = [t.context.replica('leaf-0'), t.context.replica('leaf-1')];
  const { caller, envoy } = t.context.replica('front-0');
  const answers: Behaviour = (stream, headers) => {
    const isSteady = headers[':path'] === tinyPath('bakery.leaf', 'Steady');
    (isSteady ? behaviours.ok : behaviours.hang)(stream);
  };
  for (const { application } of [first, second]) application.behaviour = answers;
  const steady = startLoad(() => caller.call({ authority: 'bakery.leaf', path: tinyPath('bakery.leaf', 'Steady') }));
  const hanging = {
    authority: 'bakery.leaf',
    path: tinyPath('bakery.leaf', 'Call'),
    headers: { 'grpc-timeout': '100m' },
  };
  let left = 1500;
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      while (left-- > 0) await caller.call(hanging);
    }),
  );
  await steady.stop();
  t.deepEqual(steady.failures, []);
  for (const replica of [first, second]) {
    const stats = await replica.envoy.admin('/stats?filter=too_many_premature_resets');
    t.notRegex(stats, /^http\.inbound.*: [1-9]/m);
  }
  t.is(await counter(envoy, 'cluster.outbound|bakery/leaf.upstream_cx_destroy_remote_with_active_rq'), 0);
});

test.serial('a fault that stands for an error of the application is tried again', async (t) => {
  const { caller } = t.context.replica('front-0');
  const retries = async () => {
    const lines = (await t.context.replica('front-0').envoy.admin('/stats?filter=upstream_rq_retry$')).split('\n');
    return Number(lines.find((line) => line.startsWith('cluster.outbound|bakery/leaf.'))?.split(': ')[1]);
  };
  const before = await retries();
  const headers = { 'x-weft-fault': 'late' };
  const { grpcStatus } = await caller.call({
    authority: 'bakery.leaf',
    path: tinyPath('bakery.leaf', 'Call'),
    headers,
  });
  t.is(grpcStatus, '4');
  t.is((await retries()) - before, 2);
});
