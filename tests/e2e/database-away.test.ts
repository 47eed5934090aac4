import { randomUUID } from 'node:crypto';
import { Code, ConnectError } from '@connectrpc/connect';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

const awayMs = 10_000;

test('PostgreSQL stopped for 10 s: UNAVAILABLE meanwhile, readiness down, recovery by itself, nothing acknowledged is lost', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const customerId = randomUUID();
  const acknowledged = new Set<string>();
  const place = async () => {
    const { order } = await orders.placeOrder(goodOrder({ customerId, wait: false }));
    acknowledged.add(order?.orderId ?? '');
  };
  for (let i = 0; i < 20; i++) await place();

  await mesh.weft('stop', 'postgres');
  const end = Date.now() + awayMs;
  const refused = await t.throwsAsync(orders.placeOrder(goodOrder({ customerId, wait: false })), {
    instanceOf: ConnectError,
  });
  t.is(refused?.code, Code.Unavailable, refused?.message);
  // Every service has lost it: payments, which is asked for the card's token first, too.
  t.regex(refused?.message ?? '', /database|not ready|no replica|a service that this call needs did not answer/i);
  t.notRegex(refused?.message ?? '', /ECONNREFUSED|127\.0\.0\.1|password/);
  await waitFor('readiness to be down', async () => {
    const workload = (await mesh.status()).workloads.find((one) => one.name === 'orders-0');
    return workload && !workload.ready && /database/.test(workload.reason ?? '');
  });
  await waitFor('the ten seconds to be over', () => Date.now() > end, { timeoutMs: awayMs + 5_000, intervalMs: 200 });

  await mesh.weft('start', 'postgres');
  await waitFor('orders to be taken again', () => place().then(() => true));
  const settled = await waitFor('all orders to be confirmed', async () => {
    const { orders: all } = await orders.listOrders({ customerId, pageSize: 200 });
    return all.every((order) => order.status === OrderStatus.CONFIRMED) ? all : undefined;
  });
  const ids = new Set(settled.map((order) => order.orderId));
  for (const id of acknowledged) t.true(ids.has(id), `order ${id} was acknowledged`);
});
