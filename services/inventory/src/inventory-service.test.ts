import { Code, ConnectError } from '@connectrpc/connect';
import { InventoryService, ReservationStatus } from '@shop/inventory-contract/v1';
import { ErrorInfoSchema, PreconditionFailureSchema } from '@weft/policy/google/rpc/error_details';
import { type Client, client, type Server, serve, uuidv7 } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import ava, { type TestFn } from 'ava';
import { inventoryService } from './inventory-service.ts';

const test = ava as TestFn<{ database: TestDatabase; server: Server; inventory: Client<typeof InventoryService> }>;

test.before(async (t) => {
  const database = await startTestDatabase({
    schema: 'inventory',
    migrations: new URL('../migrations/', import.meta.url),
  });
  const server = await serve({ services: [inventoryService(database.db)], listen: '127.0.0.1:0', drainMs: 0 });
  t.context = { database, server, inventory: client(InventoryService, { outbound: server.address }) };
});

test.after.always(async (t) => {
  await t.context.server?.close();
  await t.context.database?.remove();
});

test.serial('the seed has 520 products, 1,000 to 10,000 of each but 5 of WFT-0500', async (t) => {
  const { rows } = await t.context.database.db.query<{ products: bigint; least: bigint; most: bigint }>(
    `select count(*) as products, min(on_hand) as least, max(on_hand) as most from stock where sku <> 'WFT-0500'`,
  );
  const [seed] = rows;
  t.is(seed?.products, 519n);
  t.true(seed !== undefined && seed.least >= 1_000n && seed.most <= 10_000n);
  t.like(await t.context.inventory.getStock({ sku: 'WFT-0500' }), { onHand: 5n, reserved: 0n });
  t.is(await codeOf(t.context.inventory.getStock({ sku: 'WFT-9999' })), Code.NotFound);
});

test.serial('a reservation holds, and its commit takes out', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0001' });
  const orderId = uuidv7();
  await inventory.reserve(reservation(orderId, { 'WFT-0001': 3 }));
  t.like(await inventory.getStock({ sku: 'WFT-0001' }), { onHand: before.onHand, reserved: before.reserved + 3n });
  for (let twice = 0; twice < 2; twice++) {
    t.is((await inventory.commit({ orderId })).status, ReservationStatus.COMMITTED);
  }
  t.like(await inventory.getStock({ sku: 'WFT-0001' }), { onHand: before.onHand - 3n, reserved: before.reserved });
  t.is(await reasonOf(inventory.release({ orderId })), 'RESERVATION_COMMITTED');
});

test.serial('a release gives back, once', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0002' });
  const orderId = uuidv7();
  await inventory.reserve(reservation(orderId, { 'WFT-0002': 3 }));
  for (let twice = 0; twice < 2; twice++) {
    t.is((await inventory.release({ orderId })).status, ReservationStatus.RELEASED);
  }
  t.deepEqual(await inventory.getStock({ sku: 'WFT-0002' }), before);
  t.is(await reasonOf(inventory.commit({ orderId })), 'RESERVATION_RELEASED');
});

test.serial('all or nothing is held, and each short SKU is named', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0003' });
  const orderId = uuidv7();
  const error = await t.throwsAsync(
    inventory.reserve(reservation(orderId, { 'WFT-9999': 2, 'WFT-0003': 1, 'WFT-0500': 6 })),
    { instanceOf: ConnectError, message: /WFT-0500 asked 6, available 5; WFT-9999 asked 2, available 0/ },
  );
  t.is(error?.code, Code.FailedPrecondition);
  t.deepEqual(error?.findDetails(ErrorInfoSchema)[0]?.metadata, { 'WFT-0500': '6/5', 'WFT-9999': '2/0' });
  t.deepEqual(
    error?.findDetails(PreconditionFailureSchema)[0]?.violations.map(({ subject }) => subject),
    ['WFT-0500', 'WFT-9999'],
  );
  t.deepEqual(await inventory.getStock({ sku: 'WFT-0003' }), before);
  t.is(await reasonOf(inventory.commit({ orderId })), 'NEVER_RESERVED');
});

test.serial('an order that was released before it reserved cannot reserve any more', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0004' });
  const orderId = uuidv7();
  t.is((await inventory.release({ orderId })).status, ReservationStatus.RELEASED);
  t.is(await reasonOf(inventory.reserve(reservation(orderId, { 'WFT-0004': 1 }))), 'RESERVATION_RELEASED');
  t.deepEqual(await inventory.getStock({ sku: 'WFT-0004' }), before);
});

test.serial('the same key 50 times at once holds once and gives 50 equal answers', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0005' });
  const request = reservation(uuidv7(), { 'WFT-0005': 2 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => inventory.reserve(request)));
  t.is(new Set(answers.map((answer) => answer.reservationId)).size, 1);
  t.is((await inventory.getStock({ sku: 'WFT-0005' })).reserved, before.reserved + 2n);
});

test.serial('an order has one reservation, under whatever key', async (t) => {
  const { inventory } = t.context;
  const before = await inventory.getStock({ sku: 'WFT-0006' });
  const orderId = uuidv7();
  const requests = [1, 2, 3, 4].map((n) => ({
    ...reservation(orderId, { 'WFT-0006': 2 }),
    idempotencyKey: `${orderId}/${n}`,
  }));
  const answers = await Promise.all(requests.map((request) => inventory.reserve(request)));
  t.is(new Set(answers.map((answer) => answer.reservationId)).size, 1);
  t.is((await inventory.getStock({ sku: 'WFT-0006' })).reserved, before.reserved + 2n);
  const other = { ...reservation(orderId, { 'WFT-0006': 3 }), idempotencyKey: `${orderId}/other` };
  t.is(await codeOf(inventory.reserve(other)), Code.AlreadyExists);
});

test.serial('orders that want the same products in opposite order do not wait for each other for ever', async (t) => {
  const { inventory } = t.context;
  const skus = ['WFT-0010', 'WFT-0011', 'WFT-0012', 'WFT-0013'];
  const before = await Promise.all(skus.map((sku) => inventory.getStock({ sku })));
  await Promise.all(
    Array.from({ length: 40 }, async (_, n) => {
      const wanted = n % 2 === 0 ? skus : skus.toReversed();
      const orderId = uuidv7();
      await inventory.reserve(reservation(orderId, Object.fromEntries(wanted.map((sku) => [sku, 1]))));
      if (n % 4 === 0) await inventory.release({ orderId });
      else await inventory.commit({ orderId });
    }),
  );
  const after = await Promise.all(skus.map((sku) => inventory.getStock({ sku })));
  after.forEach((stock, index) => {
    t.like(stock, { onHand: (before[index]?.onHand ?? 0n) - 30n, reserved: before[index]?.reserved ?? 0n });
  });
});

test.serial('the last pieces go to as many orders as there are pieces', async (t) => {
  const { inventory } = t.context;
  const codes = await Promise.all(
    Array.from({ length: 12 }, () => codeOf(inventory.reserve(reservation(uuidv7(), { 'WFT-0500': 1 })))),
  );
  t.is(codes.filter((code) => code === undefined).length, 5);
  t.is(codes.filter((code) => code === Code.FailedPrecondition).length, 7);
  t.like(await inventory.getStock({ sku: 'WFT-0500' }), { onHand: 5n, reserved: 5n });
});

test.serial('what cannot be is refused', async (t) => {
  const { inventory } = t.context;
  t.is(await codeOf(inventory.reserve(reservation(uuidv7(), { 'WFT-0001': -1 }))), Code.InvalidArgument);
  t.is(await codeOf(inventory.reserve(reservation(uuidv7(), {}))), Code.InvalidArgument);
  t.is(await codeOf(inventory.release({ orderId: 'x' })), Code.InvalidArgument);
});

function reservation(orderId: string, items: Readonly<Record<string, number>>) {
  return {
    idempotencyKey: `${orderId}/reserve`,
    orderId,
    items: Object.entries(items).map(([sku, quantity]) => ({ sku, quantity })),
  };
}

async function codeOf(call: Promise<unknown>): Promise<Code | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).code;
  }
}

async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
  }
}
