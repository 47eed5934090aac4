import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { type TinyMethod, tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { startLoad } from './testing/load.ts';
import { RawCaller } from './testing/raw-call.ts';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// A contract changes, a version comes and goes, while calls go on: what is in force, and which connections live.

const test = anyTest as TestFn<RunningBakery>;
const path = (method: string) => tinyPath('bakery.leaf', method);
const leaf = (changed: Readonly<Record<string, TinyMethod>> = {}) =>
  tinyContract(
    'bakery.leaf',
    {
      Steady: {},
      Changed: {},
      // Whoever may call nothing at all is not told where the service is; that closes his own connections to it.
      Open: { policy: { callers: { names: ['bakery.front', 'bakery.other'] } } },
      Rest: { policy: { exposure: Exposure.EDGE }, http: { verb: 'post', path: '/v1/things' } },
      ...changed,
    },
    { callers: ['bakery.front'] },
  );

test.before(async (t) => {
  const front = tinyContract('bakery.front', { Call: {} });
  const other = tinyContract('bakery.other', { Call: {} });
  Object.assign(t.context, await runBakery({ front, other, leaf: leaf() }, { replicas: { leaf: 3 }, edge: true }));
});

test.after.always((t) => t.context.stop?.());

const call = (t: { context: RunningBakery }, from: string, method: string) =>
  t.context.replica(from).caller.call({ authority: 'bakery.leaf', path: path(method) });

/** Connections that have ended and listeners that have changed, of all Envoys. */
async function disturbances(bakery: RunningBakery): Promise<Record<string, number>> {
  const envoys = ['front-0', 'other-0', 'leaf-0', 'leaf-1', 'leaf-2'].map((name) => bakery.replica(name).envoy);
  if (bakery.edge) envoys.push(bakery.edge.envoy);
  const found: Record<string, number> = {};
  for (const envoy of envoys) {
    for (const line of (await envoy.admin('/stats')).split('\n')) {
      // The admin interface's own connections are ours.
      const match =
        /^((?:http\.(?!admin)|cluster\.(?:in|out)bound|listener_manager\.listener_(?:modified|removed)|listener\.(?!admin)).*): (\d+)$/.exec(
          line,
        );
      if (!match?.[1] || !/cx_destroy|cx_drain|listener_(modified|removed)/.test(match[1])) continue;
      found[match[1]] = (found[match[1]] ?? 0) + Number(match[2]);
    }
  }
  return found;
}

test.serial(
  'callers, a limit and a REST mapping change under load: in force at once, and no connection ends',
  async (t) => {
    const bakery = t.context;
    const edge = new RawCaller(bakery.edge?.address ?? '');
    const json = { 'content-type': 'application/json' };
    const rest = (at: string) => edge.call({ authority: 'bakery', path: at, headers: json, body: '{}' });
    const loads = [
      startLoad(() => call(t, 'front-0', 'Steady')),
      startLoad(() => edge.call({ authority: 'bakery', path: path('Rest') })),
    ];
    await until(() => loads.every(({ calls }) => calls > 50));
    t.is((await call(t, 'other-0', 'Changed')).grpcStatus, '7');
    t.is((await rest('/v1/things')).status, 200);
    const before = await disturbances(bakery);
    t.true(Object.keys(before).length > 10);

    const both = { names: ['bakery.front', 'bakery.other'] };
    const change = async (methods: Readonly<Record<string, TinyMethod>>, inForce: () => Promise<boolean>) => {
      bakery.publish('leaf', leaf(methods));
      const begun = performance.now();
      await bakery.apply();
      await until(inForce);
      t.log(`${Object.keys(methods)}: in force after ${Math.round(performance.now() - begun)} ms`);
    };
    await change({ Changed: { policy: { callers: both } } }, async () => {
      return (await call(t, 'other-0', 'Changed')).grpcStatus === '0';
    });
    const rateLimits = [{ caller: 'bakery.other', requests: 1, per: { seconds: 3600n } }];
    await change({ Changed: { policy: { callers: both, rateLimits } } }, async () => {
      return (await call(t, 'other-0', 'Changed')).grpcStatus === '8';
    });
    t.is((await call(t, 'front-0', 'Changed')).grpcStatus, '0');
    const moved: TinyMethod = { policy: { exposure: Exposure.EDGE }, http: { verb: 'post', path: '/v2/things' } };
    await change({ Rest: moved }, async () => (await rest('/v2/things')).status === 200);
    t.is((await rest('/v1/things')).status, 404);
    await until(async () => (await call(t, 'other-0', 'Changed')).grpcStatus === '7');

    const calls = loads.map((load) => load.calls);
    await until(() => loads.every((load, index) => load.calls > (calls[index] ?? 0) + 50));
    for (const load of loads) await load.stop();
    t.deepEqual(
      loads.map(({ failures }) => failures),
      [[], []],
    );
    t.deepEqual(await disturbances(bakery), before);
    edge.close();
    bakery.publish('leaf', leaf());
    await bakery.apply();
  },
);

test.serial(
  'two versions side by side, and back: a new method goes to new replicas only, and no call fails',
  async (t) => {
    const bakery = t.context;
    // The new version has one method more, and another caller and another time for one that both have.
    const next = leaf({
      Added: { level: Level.IDEMPOTENT },
      Changed: { policy: { callers: { names: ['bakery.front', 'bakery.other'] }, deadline: { seconds: 2n } } },
    });
    bakery.ready('leaf-2', false);
    await bakery.apply();
    const load = startLoad(() => call(t, 'front-0', 'Steady'));
    const more = startLoad(() => call(t, 'front-0', 'Changed'));
    await until(() => load.calls > 50);

    bakery.publish('leaf', next, ['leaf-2']);
    bakery.ready('leaf-2', true);
    await bakery.apply();
    const seen = (name: string, method: string) =>
      bakery.replica(name).application.seen.filter((at) => at === path(method)).length;
    await until(() => seen('leaf-2', 'Steady') > 20);
    t.not((await call(t, 'other-0', 'Steady')).grpcStatus, '0');
    for (const name of ['leaf-0', 'leaf-1', 'leaf-2']) bakery.replica(name).application.seen.length = 0;
    for (let count = 0; count < 30; count++) {
      t.is((await call(t, 'front-0', 'Added')).grpcStatus, '0');
      // A caller that only the new version admits.
      t.is((await call(t, 'other-0', 'Changed')).grpcStatus, '0');
    }
    t.deepEqual([seen('leaf-0', 'Added'), seen('leaf-1', 'Added'), seen('leaf-2', 'Added')], [0, 0, 30]);
    t.true(seen('leaf-0', 'Changed') > 0, 'calls of the old caller go to all');

    bakery.ready('leaf-2', false);
    await bakery.apply();
    await until(async () => (await call(t, 'front-0', 'Added')).grpcStatus === '12');
    const calls = load.calls;
    await until(() => load.calls > calls + 50);
    await load.stop();
    await more.stop();
    t.deepEqual([load.failures, more.failures], [[], []]);
  },
);
