import { diffMeshes } from '@weft/compiler/diff/diff-meshes';
import { diffText } from '@weft/compiler/diff/diff-text';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { explain } from '@weft/compiler/why/explain';
import anyTest, { type TestFn } from 'ava';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';

// Two services that run under one account cannot be told apart: what becomes of their calls, and what `weft why` and `weft diff` say
// of it, by what real Envoys do.

const test = anyTest as TestFn<RunningBakery>;
const leaf = (...callers: string[]) => tinyContract('bakery.leaf', { Call: {} }, { callers });
const name = tinyPath('bakery.leaf', 'Call').slice(1);

test.before(async (t) => {
  const contracts = {
    orders: tinyContract('bakery.orders', { Call: {} }),
    returns: tinyContract('bakery.returns', { Call: {} }),
    leaf: leaf('bakery.orders'),
  };
  Object.assign(t.context, await runBakery(contracts, { accounts: { 'orders-0': 'one', 'returns-0': 'one' } }));
});

test.after.always((t) => t.context.stop?.());

const call = async (t: { context: RunningBakery }, from: string) => {
  const { caller } = t.context.replica(from);
  const { grpcStatus, grpcMessage } = await caller.call({ authority: 'bakery.leaf', path: `/${name}` });
  return { grpcStatus, grpcMessage };
};

const why = (t: { context: RunningBakery }, caller: string) =>
  explain({ mesh: t.context.assembled(), facts: parseDirectory(t.context.directory.files), caller, method: name });

const shared =
  'its contract names bakery.orders; bakery.orders shares its account with bakery.returns, so it is not admitted';

test.serial('two services with one account: a rule that names one of them admits neither', async (t) => {
  const refused = await call(t, 'orders-0');
  t.deepEqual(refused, {
    grpcStatus: '7',
    grpcMessage: `weft: spiffe://weft.local/ns/bakery/sa/one may not call ${name}; ${shared}`,
  });
  const { allowed, verdict, advice } = why(t, 'bakery.orders');
  t.deepEqual(
    { allowed, verdict, advice },
    {
      allowed: false,
      verdict: `weft: bakery.orders may not call ${name}; ${shared}`,
      advice: 'one service account for each service, or callers that name bakery.orders and bakery.returns',
    },
  );
  t.is((await call(t, 'returns-0')).grpcStatus, '7');
  t.deepEqual(t.context.replica('leaf-0').application.seen, []);
});

test.serial('two services with one account: a rule that names both admits both', async (t) => {
  const before = t.context.assembled();
  t.context.publish('leaf', leaf('bakery.orders', 'bakery.returns'));
  await t.context.apply();
  const said = diffText(diffMeshes(before, t.context.assembled()));
  t.is(said, `bakery.orders, bakery.returns -> ${name}\n  allowed: within 15 s, no retries`);
  for (const replica of ['orders-0', 'returns-0']) t.is((await call(t, replica)).grpcStatus, '0');
  for (const caller of ['bakery.orders', 'bakery.returns']) {
    const { allowed, steps } = why(t, caller);
    t.true(allowed);
    t.is(steps.find((step) => step.name === 'callee')?.values[0]?.value, 'admits spiffe://weft.local/ns/bakery/sa/one');
  }
});
