import { randomUUID } from 'node:crypto';
import { toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { type Order, OrderStatus, PlaceOrderResponseSchema } from '@shop/orders-contract/v1';
import { uuidv7 } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { type FakeShop, goodCard, poorCard, soldOut, startFakeShop, uncapturedCard } from './testing/fake-shop.ts';
import { customerId, order, type Replica, startReplica } from './testing/replica.ts';
import { until } from './testing/until.ts';

const test = ava as TestFn<{
  database: TestDatabase;
  shop: FakeShop;
  replica: Replica;
  /** A replica that works on no order: whatever it shows, another one did. */
  idle: Replica;
}>;

test.before(async (t) => {
  const database = await startTestDatabase({
    schema: 'orders',
    migrations: new URL('../migrations/', import.meta.url),
  });
  const shop = await startFakeShop();
  const { callees } = shop;
  t.context = {
    database,
    shop,
    replica: await startReplica({ db: database.db, callees, givingUp: { afterMs: 0, minTries: 3 } }),
    idle: await startReplica({ db: database.open(), callees, maxConcurrent: 0 }),
  };
});

test.beforeEach((t) => {
  t.context.shop.afterEffect = async () => {};
});

test.after.always(async (t) => {
  const { replica, idle, shop, database } = t.context;
  await replica?.stop();
  await idle?.stop();
  await shop?.close();
  await database?.remove();
});

test.serial('an order is priced, reserved, paid and confirmed', async (t) => {
  const { replica, shop } = t.context;
  const placed = await place(replica, order());
  t.is(placed.status, OrderStatus.CONFIRMED);
  t.like(placed.total, { currencyCode: 'EUR', units: 4n, nanos: 500_000_000 });
  t.is(placed.reason, '');
  t.deepEqual(
    placed.items.map(({ sku, quantity }) => [sku, quantity]),
    [
      ['WFT-0001', 2],
      ['WFT-0002', 1],
    ],
  );
  t.like(shop.effectsOf(placed.orderId), { reservation: 'committed', payment: 'captured', reserved: 1, authorized: 1 });
  t.deepEqual((await replica.orders.getOrder({ orderId: placed.orderId })).order, placed);
});

test.serial('without wait it is stored as pending, answered, and worked on', async (t) => {
  const { replica, shop } = t.context;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = () => gate.promise;
  const placed = await place(replica, order({ wait: false }));
  t.is(placed.status, OrderStatus.PENDING);
  t.is(placed.total, undefined);
  gate.resolve();
  const states = await watch(replica, placed.orderId);
  t.is(states.at(-1), OrderStatus.CONFIRMED);
});

test.serial(
  'a watcher sees each state once and in order, past ones too, on a replica that does not do the work',
  async (t) => {
    const { replica, idle, shop } = t.context;
    const gate = Promise.withResolvers<void>();
    shop.afterEffect = async (step) => {
      if (step === 'authorize') await gate.promise;
    };
    const placed = await place(replica, order({ wait: false }));
    const sequences: bigint[] = [];
    const states: OrderStatus[] = [];
    for await (const event of idle.orders.watchOrder({ orderId: placed.orderId })) {
      sequences.push(event.sequence);
      states.push(event.order?.status ?? OrderStatus.UNSPECIFIED);
      if (event.order?.status === OrderStatus.RESERVED) gate.resolve();
    }
    const { PENDING, RESERVED, AUTHORIZED, CAPTURED, CONFIRMED } = OrderStatus;
    t.deepEqual(states, [PENDING, RESERVED, AUTHORIZED, CAPTURED, CONFIRMED]);
    t.deepEqual(sequences, [1n, 2n, 3n, 4n, 5n]);
    t.deepEqual(await watch(idle, placed.orderId), states);
  },
);

test.serial('many watchers take no more than one connection that listens', async (t) => {
  const { replica, idle, shop, database } = t.context;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = () => gate.promise;
  const { orderId } = await place(replica, order({ wait: false }));
  const watchers = Array.from({ length: 60 }, () => watch(idle, orderId));
  const { rows } = await database.db.query(
    `select from pg_stat_activity where usename = current_user and query ilike 'listen %'`,
  );
  t.is(rows.length, 2);
  gate.resolve();
  for (const states of await Promise.all(watchers)) t.is(states.length, 5);
});

test.serial('a watcher that hangs up is forgotten', async (t) => {
  const { replica, shop } = t.context;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = () => gate.promise;
  const { orderId } = await place(replica, order({ wait: false }));
  const abort = new AbortController();
  const error = await t.throwsAsync(async () => {
    for await (const _ of replica.orders.watchOrder({ orderId }, { signal: abort.signal })) abort.abort();
  });
  t.is(ConnectError.from(error).code, Code.Canceled);
  gate.resolve();
  t.is((await watch(replica, orderId)).at(-1), OrderStatus.CONFIRMED);
});

test.serial('a declined card cancels, gives the items back and says why', async (t) => {
  const { replica, shop } = t.context;
  const placed = await place(replica, order({ cardNumber: poorCard }));
  t.is(placed.status, OrderStatus.CANCELLED);
  t.is(placed.reason, 'The card was declined: insufficient funds.');
  t.like(shop.effectsOf(placed.orderId), { reservation: 'released', payment: 'refunded', authorized: 0 });
  const { PENDING, RESERVED, CANCELLING, CANCELLED } = OrderStatus;
  t.deepEqual(await watch(replica, placed.orderId), [PENDING, RESERVED, CANCELLING, CANCELLED]);
});

test.serial('a capture that is refused gives the money back, then the items', async (t) => {
  const { replica, shop } = t.context;
  const placed = await place(replica, order({ cardNumber: uncapturedCard }));
  t.is(placed.status, OrderStatus.CANCELLED);
  const { calls, ...effects } = shop.effectsOf(placed.orderId);
  t.like(effects, { reservation: 'released', payment: 'refunded' });
  t.deepEqual(calls, ['reserve', 'authorize', 'capture', 'refund', 'release']);
});

test.serial('a shortage cancels and names the product', async (t) => {
  const { replica, shop } = t.context;
  const placed = await place(replica, order({ items: [{ sku: soldOut, quantity: 7 }] }));
  t.is(placed.status, OrderStatus.CANCELLED);
  t.is(placed.reason, `Not enough in stock: ${soldOut} (7 asked, 0 available).`);
  t.is(shop.effectsOf(placed.orderId).payment, undefined);
});

test.serial('what is not sold, or not in this currency, or too much, cancels at once', async (t) => {
  const { replica } = t.context;
  const unknown = await place(replica, order({ items: [{ sku: 'WFT-9999', quantity: 1 }] }));
  t.is(unknown.status, OrderStatus.CANCELLED);
  t.is(unknown.reason, 'We do not sell WFT-9999.');
  const dollars = await place(replica, order({ items: [{ sku: 'WFT-0521', quantity: 1 }] }));
  t.is(dollars.status, OrderStatus.CANCELLED);
  t.is(dollars.reason, 'WFT-0521 is sold in USD, and the order is to be paid in EUR.');
  t.deepEqual(await watch(replica, dollars.orderId), [OrderStatus.PENDING, OrderStatus.CANCELLED]);
});

test.serial('the same key 50 times at once: one order, one charge, 50 equal answers', async (t) => {
  const { replica, idle, shop, database } = t.context;
  for (const wait of [false, true]) {
    const request = order({ wait, customerId: randomUUID() });
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => (n % 2 === 0 ? replica : idle).orders.placeOrder(request)),
    );
    const texts = new Set(answers.map((answer) => toJsonString(PlaceOrderResponseSchema, answer)));
    t.is(texts.size, 1);
    const { rows } = await database.db.query('select from orders where customer_id = $1', [request.customerId]);
    t.is(rows.length, 1);
    const orderId = answers[0]?.order?.orderId ?? '';
    await watch(replica, orderId);
    t.like(shop.effectsOf(orderId), { reserved: 1, authorized: 1 });
  }
});

test.serial('another request under the same key is refused', async (t) => {
  const { replica } = t.context;
  const request = order({ wait: false });
  await place(replica, request);
  t.is(await codeOf(replica.orders.placeOrder({ ...request, currencyCode: 'USD' })), Code.AlreadyExists);
});

test.serial('with wait the answer comes before the deadline, with the state that was reached', async (t) => {
  const { replica, shop } = t.context;
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = async (step) => {
    if (step === 'authorize') await gate.promise;
  };
  const { order: placed } = await replica.orders.placeOrder(order(), { deadlineMs: 1_500 });
  t.is(placed?.status, OrderStatus.RESERVED);
  gate.resolve();
  t.is((await watch(replica, placed?.orderId ?? '')).at(-1), OrderStatus.CONFIRMED);
});

test.serial('an outage is tried again, under the same keys', async (t) => {
  const { replica, shop } = t.context;
  const failed = new Map<string, number>();
  shop.afterEffect = async (step) => {
    const failures = failed.get(step) ?? 0;
    failed.set(step, failures + 1);
    if (failures < 2) throw new Error('the answer is lost');
  };
  const placed = await place(replica, order());
  t.is(placed.status, OrderStatus.CONFIRMED);
  const { keys, calls, ...effects } = shop.effectsOf(placed.orderId);
  t.like(effects, { reserved: 1, authorized: 1, payment: 'captured', reservation: 'committed' });
  t.is(keys.size, 2);
  t.is(calls.filter((step) => step === 'authorize').length, 3);
});

test.serial('an outage that lasts is given up and undone, and what undoes is not given up', async (t) => {
  const { replica, shop } = t.context;
  const tries = { authorize: 0, refund: 0 };
  shop.afterEffect = async (step) => {
    if (step === 'authorize' || (step === 'refund' && tries.refund < 4)) {
      tries[step] += 1;
      throw new Error('the answer is lost');
    }
  };
  const placed = await place(replica, order());
  t.is(placed.status, OrderStatus.CANCELLED);
  t.regex(placed.reason, /in time/);
  t.deepEqual(tries, { authorize: 3, refund: 4 });
  t.like(shop.effectsOf(placed.orderId), { payment: 'refunded', reservation: 'released' });
});

test.serial('the token of a card is kept until the bank has answered, and its number never', async (t) => {
  const { replica, shop, database } = t.context;
  const kept = async () => {
    const { rows } = await database.db.query('select from orders where card_token is not null');
    return rows.length;
  };
  await until(async () => (await kept()) === 0);
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  shop.afterEffect = async (step) => {
    if (step !== 'capture') return;
    reached.resolve();
    await gate.promise;
  };
  const placing = place(replica, order());
  await reached.promise;
  t.is(await kept(), 0);
  gate.resolve();
  await placing;
  // Nowhere else either: not in an event, nor in what is stored about keys.
  const { rows: tables } = await database.db.query<{ name: string }>(
    `select table_name as name from information_schema.tables where table_schema = 'orders'`,
  );
  t.true(tables.length > 4);
  for (const { name } of tables) {
    const { rows } = await database.db.query(`select from "${name}" as t where t::text like '%${goodCard}%'`);
    t.is(rows.length, 0, name);
  }
});

test.serial('pages of orders are complete and newest first, also while others are placed', async (t) => {
  const { replica } = t.context;
  const mine = randomUUID();
  const ids: string[] = [];
  for (let n = 0; n < 25; n++) {
    ids.unshift((await place(replica, order({ wait: false, customerId: mine }))).orderId);
  }
  const seen: string[] = [];
  let pageToken = '';
  do {
    const page = await replica.orders.listOrders({ customerId: mine, pageSize: 10, pageToken });
    seen.push(...page.orders.map(({ orderId }) => orderId));
    pageToken = page.nextPageToken;
    await place(replica, order({ wait: false, customerId: mine }));
  } while (pageToken !== '');
  t.deepEqual(seen, ids);

  const { nextPageToken } = await replica.orders.listOrders({ customerId: mine, pageSize: 1 });
  t.is(await codeOf(replica.orders.listOrders({ customerId, pageToken: nextPageToken })), Code.InvalidArgument);
  t.is(await codeOf(replica.orders.listOrders({ customerId, pageToken: 'x' })), Code.InvalidArgument);
});

test.serial('what cannot be is refused', async (t) => {
  const { replica } = t.context;
  const { orders } = replica;
  const { InvalidArgument, NotFound } = Code;
  t.is(await codeOf(orders.placeOrder(order({ items: [] }))), InvalidArgument);
  t.is(await codeOf(orders.placeOrder(order({ items: [{ sku: 'WFT-0001', quantity: -1 }] }))), InvalidArgument);
  t.is(await codeOf(orders.placeOrder(order({ currencyCode: 'XXX' }))), InvalidArgument);
  t.is(await codeOf(orders.placeOrder(order({ cardNumber: '42' }))), InvalidArgument);
  t.is(await codeOf(orders.placeOrder(order({ customerId: "x'; drop table orders" }))), InvalidArgument);
  t.is(await codeOf(orders.getOrder({ orderId: uuidv7() })), NotFound);
  t.is(await codeOf(watch(replica, uuidv7())), NotFound);
});

async function place(replica: Replica, request: ReturnType<typeof order>): Promise<Order> {
  const { order: placed } = await replica.orders.placeOrder(request);
  if (placed === undefined) throw new Error('no order in the answer');
  return placed;
}

async function watch(replica: Replica, orderId: string): Promise<OrderStatus[]> {
  const states: OrderStatus[] = [];
  for await (const { order: state } of replica.orders.watchOrder({ orderId })) {
    states.push(state?.status ?? OrderStatus.UNSPECIFIED);
  }
  return states;
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}
