import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { OrderStatus } from '@shop/orders-contract/v1';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { advanceOrder } from './advance-order.ts';
import { LeaseTable } from './lease-table.ts';
import { afterSuccess, type OrderStep } from './order-state.ts';
import { type FakeShop, goodCard, startFakeShop, uncapturedCard } from './testing/fake-shop.ts';
import { order, type Replica, startReplica } from './testing/replica.ts';
import { until } from './testing/until.ts';

const test = ava as TestFn<{ database: TestDatabase; shop: FakeShop; replicas: Replica[] }>;

test.before(async (t) => {
  t.context = {
    database: await startTestDatabase({ schema: 'orders', migrations: new URL('../migrations/', import.meta.url) }),
    shop: await startFakeShop(),
    replicas: [],
  };
});

test.beforeEach((t) => {
  t.context.shop.afterEffect = async () => {};
});

test.afterEach.always(async (t) => {
  for (const replica of t.context.replicas.splice(0)) await replica.stop();
});

test.after.always(async (t) => {
  await t.context.shop?.close();
  await t.context.database?.remove();
});

test.serial('a lease is held by one, ends, and its old holder is refused', async (t) => {
  const { database, shop, replicas } = t.context;
  // Works on nothing: the leases are this test's.
  const idle = await startReplica({ db: database.open(), callees: shop.callees, maxConcurrent: 0 });
  replicas.push(idle);
  const { order: placed } = await idle.orders.placeOrder(order({ wait: false }));
  const orderId = placed?.orderId ?? '';

  const first = new LeaseTable<OrderStep>(database.db, { holder: 'first', leaseMs: 60_000 });
  const second = new LeaseTable<OrderStep>(database.db, { holder: 'second', leaseMs: 60_000 });
  const [old] = await first.claim(10);
  t.like(old, { id: orderId, step: 'price', attempt: 0, number: 1n });
  t.deepEqual(await second.claim(10), []);

  await endLeases(database);
  const [current] = await second.claim(10);
  t.like(current, { id: orderId, number: 2n });
  if (old === undefined || current === undefined) return t.fail();

  t.deepEqual(await first.renew([old]), new Set());
  t.deepEqual(await second.renew([current]), new Set([orderId]));
  t.is(await advanceOrder(database.db, old, afterSuccess('capture'), {}, 60_000), 'lease lost');
  await first.postpone(old, 0);
  await first.giveBack(old);
  const { rows } = await database.db.query<{ step: string; attempt: number; holder: string; status: string }>(
    `select step, attempt, lease_holder as holder, status from order_steps join orders using (order_id) where order_id = $1`,
    [orderId],
  );
  t.deepEqual({ ...rows[0] }, { step: 'price', attempt: 0, holder: 'second', status: 'pending' });

  t.deepEqual(await advanceOrder(database.db, current, afterSuccess('price'), {}, 60_000), { next: 'reserve' });
  await second.giveBack(current);
});

test.serial('a replica that hangs loses its order to another, and its late result changes nothing', async (t) => {
  const { database, shop, replicas } = t.context;
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  let orderId = '';
  shop.afterEffect = async (step, id) => {
    if (step !== 'authorize' || id !== orderId) return;
    // Only the first caller hangs.
    shop.afterEffect = async () => {};
    reached.resolve();
    await gate.promise;
  };
  // Renews never, as if the whole process stood still.
  const hung = await startReplica({ db: database.open(), callees: shop.callees, renewMs: 3_600_000 });
  replicas.push(hung);
  const { order: placed } = await hung.orders.placeOrder(order({ wait: false }));
  orderId = placed?.orderId ?? '';
  await reached.promise;

  await endLeases(database);
  const other = await startReplica({ db: database.open(), callees: shop.callees });
  replicas.push(other);
  const states = await watch(other, orderId);
  t.is(states.at(-1), OrderStatus.CONFIRMED);

  gate.resolve();
  await hung.stop();
  replicas.splice(replicas.indexOf(hung), 1);
  const { PENDING, RESERVED, AUTHORIZED, CAPTURED, CONFIRMED } = OrderStatus;
  t.deepEqual(await watch(other, orderId), [PENDING, RESERVED, AUTHORIZED, CAPTURED, CONFIRMED]);
  t.like(shop.effectsOf(orderId), { authorized: 1, payment: 'captured', reservation: 'committed' });
});

test.serial('a step that takes longer than a lease keeps it by renewing', async (t) => {
  const { database, shop, replicas } = t.context;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = async (step) => {
    if (step === 'authorize') await gate.promise;
  };
  const options = { callees: shop.callees, leaseMs: 1_000, renewMs: 50, pollMs: 50 };
  const slow = await startReplica({ ...options, db: database.open() });
  replicas.push(slow);
  const { order: placed } = await slow.orders.placeOrder(order({ wait: false }));
  const orderId = placed?.orderId ?? '';
  await until(() => shop.effectsOf(orderId).calls.includes('authorize'));
  replicas.push(await startReplica({ ...options, db: database.open() }));
  const lease = async () => {
    const { rows } = await database.db.query<{ number: bigint; until: Date }>(
      'select lease_number as number, lease_until as until from order_steps where order_id = $1',
      [orderId],
    );
    return { number: rows[0]?.number, untilMs: rows[0]?.until.getTime() ?? 0 };
  };
  const before = await lease();
  // Until well after the moment at which the lease would have ended without a renewal.
  await until(async () => (await lease()).untilMs > before.untilMs + 1_000);
  t.is((await lease()).number, before.number);
  gate.resolve();
  t.is((await watch(slow, orderId)).at(-1), OrderStatus.CONFIRMED);
  t.is(shop.effectsOf(orderId).calls.filter((step) => step === 'authorize').length, 1);
});

test.serial('a replica that is told to stop leaves its orders to others at once', async (t) => {
  const { database, shop, replicas } = t.context;
  let hanging = 0;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = async (step) => {
    if (step !== 'capture') return;
    hanging += 1;
    await gate.promise;
  };
  const leaving = await startReplica({ db: database.open(), callees: shop.callees });
  const placed = await Promise.all([1, 2, 3].map(() => leaving.orders.placeOrder(order({ wait: false }))));
  await until(() => hanging === 3);
  await leaving.stop();
  const { rows } = await database.db.query(`select from order_steps where state = 'ready' and lease_until is not null`);
  t.is(rows.length, 0);
  gate.resolve();
  shop.afterEffect = async () => {};
  const other = await startReplica({ db: database.open(), callees: shop.callees });
  replicas.push(other);
  for (const { order: one } of placed) {
    t.is((await watch(other, one?.orderId ?? '')).at(-1), OrderStatus.CONFIRMED);
  }
});

const crashes: readonly { step: OrderStep; cardNumber: string; last: OrderStatus }[] = [
  { step: 'price', cardNumber: goodCard, last: OrderStatus.CONFIRMED },
  { step: 'reserve', cardNumber: goodCard, last: OrderStatus.CONFIRMED },
  { step: 'authorize', cardNumber: goodCard, last: OrderStatus.CONFIRMED },
  { step: 'capture', cardNumber: goodCard, last: OrderStatus.CONFIRMED },
  { step: 'commit', cardNumber: goodCard, last: OrderStatus.CONFIRMED },
  { step: 'refund', cardNumber: uncapturedCard, last: OrderStatus.CANCELLED },
  { step: 'release', cardNumber: uncapturedCard, last: OrderStatus.CANCELLED },
];

for (const { step, cardNumber, last } of crashes) {
  test.serial(`killed after the effect of ${step}, before its answer: done once, and carried on`, async (t) => {
    const { database, shop, replicas } = t.context;
    const idle = await startReplica({ db: database.open(), callees: shop.callees, maxConcurrent: 0 });
    replicas.push(idle);
    const reached = Promise.withResolvers<void>();
    shop.afterEffect = async (at) => {
      if (at !== step) return;
      reached.resolve();
      await new Promise<void>(() => {});
    };
    const { order: placed } = await idle.orders.placeOrder(order({ wait: false, cardNumber }));
    const orderId = placed?.orderId ?? '';
    const killed = spawn(process.execPath, [new URL('main.ts', import.meta.url).pathname], {
      env: { ...process.env, WEFT_LISTEN: '127.0.0.1:0', WEFT_OUTBOUND: shop.address },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exited = once(killed, 'exit');
    try {
      await Promise.race([reached.promise, exited]);
      t.is(killed.exitCode, null);
    } finally {
      killed.kill('SIGKILL');
      await exited;
    }
    shop.afterEffect = async () => {};
    // As if 10 s had passed.
    await endLeases(database);
    const survivor = await startReplica({ db: database.open(), callees: shop.callees });
    replicas.push(survivor);
    const states = await watch(survivor, orderId);
    t.is(states.at(-1), last);
    t.is(new Set(states).size, states.length);
    const confirmed = last === OrderStatus.CONFIRMED;
    const { keys, ...effects } = shop.effectsOf(orderId);
    t.like(effects, {
      reserved: 1,
      authorized: 1,
      reservation: confirmed ? 'committed' : 'released',
      payment: confirmed ? 'captured' : 'refunded',
    });
    t.is(keys.size, 2);
  });
}

// Makes 10 s of a lease pass at once.
async function endLeases({ db }: TestDatabase): Promise<void> {
  await db.query(`update order_steps set lease_until = now() - interval '1 second' where lease_until is not null`);
}

async function watch(replica: Replica, orderId: string): Promise<OrderStatus[]> {
  const states: OrderStatus[] = [];
  for await (const { order: state } of replica.orders.watchOrder({ orderId })) {
    states.push(state?.status ?? OrderStatus.UNSPECIFIED);
  }
  return states;
}
