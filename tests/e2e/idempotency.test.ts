import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { OrderStatus, PlaceOrderResponseSchema } from '@shop/orders-contract/v1';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { queryAs } from '../sql.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
  await mesh.weft('scale', 'orders=2');
});
test.after.always(() => mesh?.stop());

test('the same key 50 times at once: one order, one charge, 50 equal answers', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const request = goodOrder();
  const answers = await Promise.all(Array.from({ length: 50 }, () => orders.placeOrder(request)));
  const distinct = new Set(answers.map((a) => Buffer.from(toBinary(PlaceOrderResponseSchema, a)).toString('base64')));
  t.is(distinct.size, 1);
  t.is(answers[0]?.order?.status, OrderStatus.CONFIRMED);
  const { orders: all } = await orders.listOrders({ customerId: request.customerId });
  t.is(all.length, 1);
  const charges = await queryAs(mesh, 'payments', 'select count(*)::int as n from payments where order_id = $1', [
    all[0]?.orderId,
  ]);
  t.deepEqual(charges, [{ n: 1 }]);
});

test('another request under the same key is ALREADY_EXISTS', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const request = goodOrder({ wait: false });
  await orders.placeOrder(request);
  const error = await t.throwsAsync(orders.placeOrder({ ...request, customerId: randomUUID() }), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.AlreadyExists, error?.message);
  t.truthy(create(PlaceOrderResponseSchema));
});

test('two clients at two addresses have keys of their own; a client cannot claim another address', async (t) => {
  const body = JSON.stringify(goodOrder({ wait: false }));
  const claims = { 'x-forwarded-for': '192.0.2.1', 'x-weft-client-address': '192.0.2.1' };
  const first = await placeFrom('127.0.0.1', body);
  const repeat = await placeFrom('127.0.0.1', body, claims);
  const other = await placeFrom('127.0.0.2', body);
  const otherClaims = await placeFrom('127.0.0.2', body, { ...claims, 'x-weft-client-address': '127.0.0.1' });
  t.truthy(first.order.orderId);
  t.is(repeat.order.orderId, first.order.orderId);
  t.not(other.order.orderId, first.order.orderId);
  t.is(otherClaims.order.orderId, other.order.orderId);
});

/** Places an order over REST, from this address. */
async function placeFrom(localAddress: string, body: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
    httpRequest(new URL('/v1/orders', mesh.edge), {
      method: 'POST',
      localAddress,
      headers: { 'content-type': 'application/json', ...headers },
    })
      .on('response', resolve)
      .on('error', reject)
      .end(body);
  });
  return (await json(response)) as { order: { orderId: string } };
}
