import { randomUUID } from 'node:crypto';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import { findGrpcurl, grpcurl } from '../grpcurl.ts';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, orderClients, shopAt } from '../shop.ts';

/** As much of an order in JSON as is read here. */
interface JsonOrder {
  readonly orderId: string;
  readonly status: string;
}

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

for (const protocol of ['gRPC', 'gRPC-Web', 'gRPC-Web JSON', 'Connect', 'Connect JSON']) {
  test(`an order by ${protocol} through the edge is confirmed`, async (t) => {
    const orders = orderClients(mesh.edge).get(protocol);
    const placed = await orders?.placeOrder(goodOrder());
    t.is(placed?.order?.status, OrderStatus.CONFIRMED, placed?.order?.reason);
    const { order } = (await orders?.getOrder({ orderId: placed?.order?.orderId ?? '' })) ?? {};
    t.is(order?.status, OrderStatus.CONFIRMED);
    t.is(order?.total?.currencyCode, 'EUR');
  });
}

test('an order as JSON over REST', async (t) => {
  const body = { ...goodOrder(), idempotencyKey: randomUUID() };
  const response = await fetch(`${mesh.edge}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  t.is(response.status, 200);
  const { order } = await json<{ order: JsonOrder }>(response);
  t.is(order.status, 'ORDER_STATUS_CONFIRMED');
  const again = await json<{ order: JsonOrder }>(await fetch(`${mesh.edge}/v1/orders/${order.orderId}`));
  t.is(again.order.status, 'ORDER_STATUS_CONFIRMED');
  const list = await json<{ orders: JsonOrder[] }>(
    await fetch(`${mesh.edge}/v1/orders?customer_id=${body.customerId}`),
  );
  t.deepEqual(
    list.orders.map((one) => one.orderId),
    [order.orderId],
  );
  const search = await fetch(`${mesh.edge}/v1/products:search?query=steel&page_size=3`);
  t.is((await json<{ products: unknown[] }>(search)).products.length, 3);
  t.is((await fetch(`${mesh.edge}/v1/orders/not-a-uuid`)).status, 400);
  t.is((await fetch(`${mesh.edge}/v1/products/WFT-9999`)).status, 404);
  t.is((await fetch(`${mesh.edge}/v1/nothing`)).status, 404);
});

test('without wait the answer is PENDING, and WatchOrder streams each state to the last', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const { order } = await orders.placeOrder(goodOrder({ wait: false }));
  t.is(order?.status, OrderStatus.PENDING);
  const seen: OrderStatus[] = [];
  const sequence: bigint[] = [];
  for await (const state of orders.watchOrder({ orderId: order?.orderId ?? '' })) {
    seen.push(state.order?.status ?? OrderStatus.UNSPECIFIED);
    sequence.push(state.sequence);
  }
  t.deepEqual(seen, [
    OrderStatus.PENDING,
    OrderStatus.RESERVED,
    OrderStatus.AUTHORIZED,
    OrderStatus.CAPTURED,
    OrderStatus.CONFIRMED,
  ]);
  t.deepEqual(sequence, [1n, 2n, 3n, 4n, 5n]);
});

test('a declined card undoes the order', async (t) => {
  const { orders, inventory } = shopAt(mesh.edge);
  const before = await inventory.getStock({ sku: 'WFT-0003' });
  const request = { ...goodOrder({ cardNumber: '4000000000009995' }), items: [{ sku: 'WFT-0003', quantity: 3 }] };
  const { order } = await orders.placeOrder(request);
  t.is(order?.status, OrderStatus.CANCELLED);
  t.not(order?.reason, '');
  const after = await inventory.getStock({ sku: 'WFT-0003' });
  t.deepEqual([after.onHand, after.reserved], [before.onHand, before.reserved]);
});

test('grpcurl lists, describes and calls', async (t) => {
  const binary = findGrpcurl();
  if (!binary) {
    t.log('skipped: there is no grpcurl on PATH');
    return t.pass();
  }
  const address = `127.0.0.1:${mesh.port}`;
  const services = (await grpcurl(binary, address, 'list')).trim().split('\n');
  t.true(services.includes('shop.orders.v1.OrderService'));
  t.false(services.includes('shop.payments.v1.PaymentService'), 'payments is not exposed');
  t.regex(await grpcurl(binary, address, 'describe', 'shop.orders.v1.OrderService'), /rpc PlaceOrder/);
  t.regex(await grpcurl(binary, address, 'describe', 'shop.orders.v1.PlaceOrderRequest'), /idempotency_key/);
  t.notRegex(await grpcurl(binary, address, 'describe', 'shop.catalog.v1.CatalogService'), /ImportProducts/);
  const order = { ...goodOrder() };
  const answer = await grpcurl(binary, '-d', JSON.stringify(order), address, 'shop.orders.v1.OrderService/PlaceOrder');
  t.is(JSON.parse(answer).order.status, 'ORDER_STATUS_CONFIRMED');
});

async function json<T>(response: Response): Promise<T> {
  return JSON.parse(await response.text());
}
