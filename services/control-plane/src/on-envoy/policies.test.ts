import { MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { diffMeshes } from '@weft/compiler/diff/diff-meshes';
import { diffText } from '@weft/compiler/diff/diff-text';
import { type TinyMethod, tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { Code } from '@weft/policy/weft/policy/v1/policy';
import anyTest, { type TestFn } from 'ava';
import { type Behaviour, behaviours } from './testing/raw-application.ts';
import { counter, type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// What the diff says of changes that concern only some calls, and what real Envoys do with such calls before and after: shadows,
// faults, mirrors, hedges, tries, streams, budgets, limits and objectives.

const test = anyTest as TestFn<RunningBakery>;
const path = (method: string) => tinyPath('bakery.leaf', method);
const ms = (value: number) => ({ seconds: BigInt(Math.floor(value / 1000)), nanos: (value % 1000) * 1e6 });

/** What is said of the leaf. */
interface Side {
  readonly call?: TinyMethod;
  readonly watch?: TinyMethod['policy'];
  readonly service?: Parameters<typeof tinyContract>[2];
  /** Of a MeshPolicy for `Call`. */
  readonly policy?: object;
}

interface Recorded {
  readonly before?: Side;
  readonly after: Side;
  readonly said: readonly string[];
  /** What becomes of a call; `expected` is what it should find. */
  readonly observe: (bakery: RunningBakery, expected: unknown) => Promise<unknown>;
  readonly found: readonly [before: unknown, after: unknown];
}

const leaf = ({ call = {}, watch = {}, service = {} }: Side) =>
  tinyContract(
    'bakery.leaf',
    { Call: call, Watch: { kind: 'server', policy: watch } },
    { callers: ['bakery.front', 'bakery.other'], ...service },
  );
const repeatable = { level: Level.NO_SIDE_EFFECTS } as const;
const retry = { codes: [Code.UNAVAILABLE], maxRetries: 2, baseBackoff: ms(1) };

const call = (bakery: RunningBakery, headers: Record<string, string> = {}, from = 'front-0', method = 'Call') =>
  bakery.replica(from).caller.call({ authority: 'bakery.leaf', path: path(method), headers });
const application = (bakery: RunningBakery) => bakery.replica('leaf-0').application;

/** Counts at the leaf's Envoy, which come a moment after the call. */
async function counted(bakery: RunningBakery, name: string, from: string, expected: unknown): Promise<number> {
  const read = () => counter(bakery.replica('leaf-0').envoy, name);
  const before = await read();
  await call(bakery, {}, from);
  await until(async () => (await read()) - before === expected);
  return (await read()) - before;
}

/** The first call is never answered, all others are. */
async function firstHangs(bakery: RunningBakery): Promise<string> {
  application(bakery).behaviour = firstThen(behaviours.hang);
  const { grpcStatus } = await call(bakery);
  return `${grpcStatus} after ${application(bakery).seen.length}`;
}

function firstThen(first: Behaviour): Behaviour {
  let calls = 0;
  return (stream, headers) => (calls++ === 0 ? first : behaviours.ok)(stream, headers);
}

/** Whether a stream on which nothing moves ends; one that should not is left alone after a while. */
async function silent(bakery: RunningBakery, expected: unknown): Promise<string> {
  application(bakery).behaviour = behaviours.hang;
  const ended = call(bakery, {}, 'front-0', 'Watch').then(() => 'ends');
  if (expected === 'ends') return ended;
  const lives = new Promise<string>((resolve) => setTimeout(() => resolve('lives'), 700));
  const found = await Promise.race([ended, lives]);
  bakery.replica('front-0').caller.close();
  return found;
}

const recorded: Readonly<Record<string, Recorded>> = {
  shadow: {
    after: { call: { policy: { shadow: { callers: { names: ['bakery.front'] } } } } },
    said: [
      'bakery.front',
      'shadow: none -> would be allowed',
      'bakery.other',
      'shadow: none -> would be denied (counted)',
    ],
    observe: (bakery, expected) =>
      counted(
        bakery,
        `weft.shadow_denied.method.${path('Call')}.caller.spiffe://weft.local/ns/bakery/sa/other`,
        'other-0',
        expected,
      ),
    found: [0, 1],
  },
  objective: {
    after: { call: { policy: { objective: { percent: 99, within: ms(900) } } } },
    said: ['bakery.front, bakery.other', 'objective: none -> 99 % within 900 ms'],
    observe: (bakery, expected) => counted(bakery, `weft.objective_calls.method.${path('Call')}`, 'front-0', expected),
    found: [0, 1],
  },
  faults: {
    after: { policy: { faults: [{ name: 'away', abort: 'UNAVAILABLE' }] } },
    said: ['bakery.front, bakery.other', 'faults: none -> away unavailable'],
    observe: async (bakery) => (await call(bakery, { 'x-weft-fault': 'away' })).grpcStatus,
    found: ['0', '14'],
  },
  mirror: {
    after: { policy: { mirror: 'mirror' } },
    said: ['bakery.front, bakery.other', 'mirror: none -> bakery/mirror'],
    async observe(bakery, expected) {
      const { seen } = bakery.replica('mirror-0').application;
      await call(bakery, { 'x-weft-mirror': 'on' });
      await until(() => seen.length === expected);
      return seen.length;
    },
    found: [0, 1],
  },
  hedge: {
    before: { call: { ...repeatable, policy: { deadline: ms(3000) } } },
    after: { call: { ...repeatable, policy: { deadline: ms(3000), hedge: { after: ms(50) } } } },
    said: ['bakery.front, bakery.other', 'hedge: none -> 2 tries, the next after 50 ms'],
    observe: firstHangs,
    found: ['4 after 1', '0 after 2'],
  },
  'try timeout': {
    before: { call: { ...repeatable, policy: { deadline: ms(3000), retry } } },
    after: { call: { ...repeatable, policy: { deadline: ms(3000), retry, tryTimeout: ms(100) } } },
    said: ['bakery.front, bakery.other', 'try timeout: the deadline -> 100 ms'],
    observe: firstHangs,
    found: ['4 after 1', '0 after 2'],
  },
  'idle timeout of a stream': {
    after: { watch: { idleTimeout: ms(200) } },
    said: ['bakery.front, bakery.other', 'idle timeout: 1 h -> 200 ms'],
    observe: silent,
    found: ['lives', 'ends'],
  },
  'max duration of a stream': {
    after: { watch: { maxDuration: ms(200) } },
    said: ['bakery.front, bakery.other', 'max duration: no limit -> 200 ms'],
    observe: silent,
    found: ['lives', 'ends'],
  },
  'retry budget': {
    before: { call: { ...repeatable, policy: { retry } } },
    after: { call: { ...repeatable, policy: { retry } }, service: { retryBudget: { percent: 0, minConcurrent: 0 } } },
    said: ['(every caller)', 'retry budget: 20 % of in-flight requests, 25 at least -> 0 % of in-flight requests'],
    async observe(bakery) {
      application(bakery).behaviour = behaviours.unavailable;
      await call(bakery);
      return application(bakery).seen.length;
    },
    found: [3, 1],
  },
  'requests at once': {
    after: { service: { maxConcurrentRequests: 1 } },
    said: ['(every caller)', 'requests at once: no limit -> 1'],
    async observe(bakery) {
      let release = () => {};
      application(bakery).behaviour = firstThen((stream) => {
        release = () => behaviours.ok(stream);
      });
      const held = call(bakery);
      await until(() => application(bakery).seen.length === 1);
      const { grpcStatus } = await call(bakery);
      release();
      await held;
      return grpcStatus;
    },
    found: ['0', '8'],
  },
};

test.before(async (t) => {
  const empty = (name: string) => tinyContract(`bakery.${name}`, { Call: {} });
  // A copy of the leaf: of two services with one logical name the first has it, so that callers do not reach this one by it.
  const contracts = { front: empty('front'), other: empty('other'), leaf: leaf({}), mirror: leaf({}) };
  Object.assign(t.context, await runBakery(contracts));
});

test.after.always((t) => t.context.stop?.());

for (const [what, { before = {}, after, said, observe, found }] of Object.entries(recorded)) {
  test.serial(`diff: ${what}`, async (t) => {
    const bakery = t.context;
    const apply = async (side: Side) => {
      bakery.publish('leaf', leaf(side));
      bakery.directory.remove('policy.yaml');
      if (side.policy) {
        const methods = [{ path: path('Call'), ...side.policy }];
        const metadata = { namespace: 'bakery', name: 'tests' };
        bakery.directory.put('policy.yaml', { kind: 'MeshPolicy', metadata, spec: { service: 'leaf', methods } });
      }
      await bakery.apply();
      for (const name of ['leaf-0', 'mirror-0']) {
        const { application } = bakery.replica(name);
        application.behaviour = behaviours.ok;
        application.seen.length = 0;
      }
      return bakery.assembled();
    };
    const old = await apply(before);
    const first = await observe(bakery, found[0]);
    const fresh = await apply(after);
    const second = await observe(bakery, found[1]);
    t.deepEqual([first, second], [...found]);
    const text = diffText(diffMeshes(old, fresh));
    for (const words of said) t.true(text.includes(words), `${words} in ${text}`);
    t.is(text.split('\n').length, said.length, text);
    t.deepEqual(bakery.mesh.nacks, []);
  });
}
