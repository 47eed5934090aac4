import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Code, Exposure } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { behaviours, trailersOnly } from './testing/raw-application.ts';
import { RawCaller } from './testing/raw-call.ts';
import { counter, type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// Shadows, objectives, faults and mirrors, as Envoys take them.

const test = anyTest as TestFn<RunningBakery>;
const retry = { codes: [Code.UNAVAILABLE], maxRetries: 2, baseBackoff: { nanos: 1_000_000 } };
const both = { callers: ['bakery.front', 'bakery.other'] };
const objective = { percent: 99, within: { nanos: 150_000_000 } };
const leaf = (shadowed: string[] | undefined) =>
  tinyContract(
    'bakery.leaf',
    {
      Shadowed: {
        policy: shadowed ? { callers: { names: shadowed } } : { shadow: { callers: { names: ['bakery.front'] } } },
      },
      Exposed: { policy: { exposure: Exposure.EDGE, shadow: { exposure: Exposure.NONE } } },
      Good: { level: Level.IDEMPOTENT, policy: { objective, retry, deadline: { nanos: 600_000_000 } } },
    },
    both,
  );
const path = (method: string) => tinyPath('bakery.leaf', method);

test.before(async (t) => {
  const bakery = await runBakery(
    {
      front: tinyContract('bakery.front', { Call: {} }),
      other: tinyContract('bakery.other', { Call: {} }),
      leaf: leaf(undefined),
      // Of two services with one logical name the first by name has it, so callers do not reach this one by it.
      mirror: leaf(undefined),
    },
    { edge: true },
  );
  Object.assign(t.context, bakery);
  bakery.directory.put('policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'tests' },
    spec: {
      service: 'leaf',
      methods: [
        {
          path: path('Good'),
          mirror: 'mirror',
          faults: [
            { name: 'late', delay: '300ms' },
            { name: 'too-late', delay: '10s' },
            { name: 'away', abort: 'UNAVAILABLE' },
          ],
        },
      ],
    },
  });
  await bakery.apply();
});

test.after.always((t) => t.context.stop?.());

test.beforeEach((t) => {
  for (const name of ['leaf-0', 'mirror-0']) {
    const { application } = t.context.replica(name);
    application.seen.length = 0;
    application.behaviour = behaviours.ok;
  }
});

const call = (t: { context: RunningBakery }, from: string, method: string, headers: Record<string, string> = {}) =>
  t.context.replica(from).caller.call({ authority: 'bakery.leaf', path: path(method), headers });
const leafCounter = (t: { context: RunningBakery }, name: string) => counter(t.context.replica('leaf-0').envoy, name);
const denied = (method: string, caller: string) =>
  `weft.shadow_denied.method.${path(method)}.caller.spiffe://weft.local/ns/${caller}`;

test.serial('a shadow counts whom it would refuse, and refuses nobody until it is enforced', async (t) => {
  t.is((await call(t, 'front-0', 'Shadowed')).grpcStatus, '0');
  t.is((await call(t, 'other-0', 'Shadowed')).grpcStatus, '0');
  await until(async () => (await leafCounter(t, denied('Shadowed', 'bakery/sa/other'))) === 1);
  t.is(await leafCounter(t, denied('Shadowed', 'bakery/sa/front')), 0);
  await until(() => t.context.mesh.log.some((line) => line.includes('"shadow":"denied"')));

  t.context.publish('leaf', leaf(['bakery.front']));
  await t.context.apply();
  t.is((await call(t, 'front-0', 'Shadowed')).grpcStatus, '0');
  const refused = await call(t, 'other-0', 'Shadowed');
  t.is(refused.grpcStatus, '7');
});

test.serial('a shadow of exposure counts the calls of the edge', async (t) => {
  const edge = new RawCaller(t.context.edge?.address ?? '');
  t.is((await edge.call({ authority: 'bakery.leaf', path: path('Exposed') })).grpcStatus, '0');
  edge.close();
  await until(async () => (await leafCounter(t, denied('Exposed', 'weft/sa/edge'))) === 1);
  t.is((await call(t, 'front-0', 'Exposed')).grpcStatus, '0');
  t.is(await leafCounter(t, denied('Exposed', 'bakery/sa/front')), 0);
});

test.serial(
  'an objective counts its calls, and those that miss it: too late, or with an error of the server',
  async (t) => {
    const counts = async () => [
      await leafCounter(t, `weft.objective_missed.method.${path('Good')}`),
      await leafCounter(t, `weft.objective_calls.method.${path('Good')}`),
    ];
    t.deepEqual(await counts(), [0, 0]);
    await call(t, 'front-0', 'Good');
    t.context.replica('leaf-0').application.behaviour = trailersOnly('5'); // NOT_FOUND is the caller's.
    await call(t, 'front-0', 'Good');
    t.context.replica('leaf-0').application.behaviour = trailersOnly('13');
    await call(t, 'front-0', 'Good');
    t.context.replica('leaf-0').application.behaviour = behaviours.ok;
    await call(t, 'front-0', 'Good', { 'x-weft-fault': 'late' });
    await until(async () => (await counts())[1] === 4);
    t.deepEqual(await counts(), [2, 4]);
    await call(t, 'front-0', 'Shadowed');
    t.deepEqual(await counts(), [2, 4]);
  },
);

test.serial(
  'calls are counted by method at the callee and by callee at the caller, and what nobody reads is not',
  async (t) => {
    t.is((await call(t, 'front-0', 'Good')).grpcStatus, '0');
    const names = async (replica: string) =>
      (await t.context.replica(replica).envoy.admin('/stats')).split('\n').map((line) => line.split(': ')[0] ?? '');
    const byMethod = /^cluster[.].*[.]grpc[.].*TestService[.]Good[.]/;
    const [callee, caller] = [await names('leaf-0'), await names('front-0')];
    t.true(callee.some((name) => byMethod.test(name)));
    t.false(caller.some((name) => byMethod.test(name)));
    t.true(caller.includes('cluster.outbound|bakery/leaf.upstream_rq_200'));
    t.true(caller.includes('cluster.outbound|bakery/leaf.ssl.handshake'));
    for (const each of [callee, caller]) {
      t.deepEqual(
        each.filter((name) => /[.](internal|external)[.]upstream_rq|lb_subsets|cx_length_ms|ssl[.]ciphers/.test(name)),
        [],
      );
    }
  },
);

test.serial('a fault: only for calls that ask for it, and never for callers outside', async (t) => {
  const { application } = t.context.replica('leaf-0');
  t.is((await call(t, 'front-0', 'Good')).grpcStatus, '0');
  t.is((await call(t, 'front-0', 'Good', { 'x-weft-fault': 'nobody-knows' })).grpcStatus, '0');
  t.is(application.seen.length, 2);
  const edge = new RawCaller(t.context.edge?.address ?? '');
  const headers = { 'x-weft-fault': 'away' };
  t.is((await edge.call({ authority: 'bakery.leaf', path: path('Exposed'), headers })).grpcStatus, '0');
  edge.close();
});

test.serial('a fault that aborts is tried again as the contract says', async (t) => {
  const aborts = 'http.inbound_bakery_leaf_';
  const aborted = async () => {
    const lines = (await t.context.replica('leaf-0').envoy.admin('/stats?filter=fault.aborts_injected')).split('\n');
    return lines.filter((line) => line.startsWith(aborts)).map((line) => Number(line.split(': ')[1]))[0] ?? 0;
  };
  const before = await aborted();
  t.is((await call(t, 'front-0', 'Good', { 'x-weft-fault': 'away' })).grpcStatus, '14');
  t.is((await aborted()) - before, 3);
  t.deepEqual(t.context.replica('leaf-0').application.seen, []);
});

test.serial('a delay past the deadline: DEADLINE_EXCEEDED, within what the caller asked for', async (t) => {
  const late = { 'x-weft-fault': 'too-late' };
  t.is((await call(t, 'front-0', 'Good', late)).grpcStatus, '4');
  t.is((await call(t, 'front-0', 'Good', { ...late, 'grpc-timeout': '100m' })).grpcStatus, '4');
});

test.serial('a mirror gets copies of those calls that ask for it, and nobody waits for it', async (t) => {
  const copy = t.context.replica('mirror-0').application;
  copy.behaviour = behaviours.hang;
  t.is((await call(t, 'front-0', 'Good')).grpcStatus, '0');
  t.is((await call(t, 'front-0', 'Good', { 'x-weft-mirror': 'on' })).grpcStatus, '0');
  await until(() => copy.seen.length === 1);
  t.is(t.context.replica('leaf-0').application.seen.length, 2);
});
