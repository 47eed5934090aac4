import { diffMeshes } from '@weft/compiler/diff/diff-meshes';
import { diffText } from '@weft/compiler/diff/diff-text';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { tinyContract, tinyPath } from '@weft/compiler/testing/tiny-contract';
import { explain } from '@weft/compiler/why/explain';
import anyTest, { type TestFn } from 'ava';
import { type RunningShop, runShop } from './testing/running-shop.ts';

// Two services that run under one account cannot be told apart: what becomes of their calls, and what `weft why` and `weft diff` say
// of it, by what real Envoys do.

const test = anyTest as TestFn<RunningShop>;
const leaf = (...callers: string[]) => tinyContract('shop.leaf', { Call: {} }, { callers });
const name = tinyPath('shop.leaf', 'Call').slice(1);

test.before(async (t) => {
  const contracts = {
    orders: tinyContract('shop.orders', { Call: {} }),
    returns: tinyContract('shop.returns', { Call: {} }),
    leaf: leaf('shop.orders'),
  };
  Object.assign(t.context, await runShop(contracts, { accounts: { 'orders-0': 'one', 'returns-0': 'one' } }));
});

test.after.always((t) => t.context.stop?.());

const call = async (t: { context: RunningShop }, from: string) => {
  const { caller } = t.context.replica(from);
  const { grpcStatus, grpcMessage } = await caller.call({ authority: 'shop.leaf', path: `/${name}` });
  return { grpcStatus, grpcMessage };
};

const why = (t: { context: RunningShop }, caller: string) =>
  explain({ mesh: t.context.assembled(), facts: parseDirectory(t.context.directory.files), caller, method: name });

const shared =
  'its contract names shop.orders; shop.orders has its account in common with shop.returns, so it is not admitted';

test.serial('two services with one account: a rule that names one of them admits neither', async (t) => {
  const refused = await call(t, 'orders-0');
  t.deepEqual(refused, {
    grpcStatus: '7',
    grpcMessage: `weft: spiffe://weft.local/ns/shop/sa/one may not call ${name}; ${shared}`,
  });
  const { allowed, verdict, advice } = why(t, 'shop.orders');
  t.deepEqual(
    { allowed, verdict, advice },
    {
      allowed: false,
      verdict: `weft: shop.orders may not call ${name}; ${shared}`,
      advice: 'one service account for each service, or callers that name shop.orders and shop.returns',
    },
  );
  t.is((await call(t, 'returns-0')).grpcStatus, '7');
  t.deepEqual(t.context.replica('leaf-0').application.seen, []);
});

test.serial('two services with one account: a rule that names both admits both', async (t) => {
  const before = t.context.assembled();
  t.context.publish('leaf', leaf('shop.orders', 'shop.returns'));
  await t.context.apply();
  const said = diffText(diffMeshes(before, t.context.assembled()));
  t.is(said, `shop.orders, shop.returns -> ${name}\n  allowed: within 15 s, no retries`);
  for (const replica of ['orders-0', 'returns-0']) t.is((await call(t, replica)).grpcStatus, '0');
  for (const caller of ['shop.orders', 'shop.returns']) {
    const { allowed, steps } = why(t, caller);
    t.true(allowed);
    t.is(steps.find((step) => step.name === 'callee')?.values[0]?.value, 'admits spiffe://weft.local/ns/shop/sa/one');
  }
});
