import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import test from 'ava';
import { type Call, implement, repeatable } from '../index.ts';
import { orderId, orders } from '../order-server.fixture.ts';
import { testMesh } from './index.ts';

const authorization = {
  idempotencyKey: 'k',
  orderId,
  amount: { currencyCode: 'EUR', units: 5n },
  cardToken: '4111111111111111',
};

test('a call that the contract does not admit fails with the sentence of the mesh', async (t) => {
  const mesh = await testMesh();
  mesh.fake(PaymentService, { authorize: repeatable(() => ({})), capture: () => ({}) });
  await mesh.client(PaymentService, 'bakery.orders').authorize(authorization);
  const refused = await t.throwsAsync(mesh.client(PaymentService, 'bakery.catalog').authorize(authorization), {
    instanceOf: ConnectError,
  });
  t.is(refused?.code, Code.PermissionDenied);
  t.is(
    refused?.rawMessage,
    'weft: bakery.catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders',
  );
  const outside = await t.throwsAsync(mesh.client(PaymentService, 'edge').capture({ orderId }), {
    instanceOf: ConnectError,
  });
  t.is(outside?.code, Code.Unimplemented);
});

test('services call each other as what they are, within the deadline of the contract', async (t) => {
  const mesh = await testMesh();
  const calls: Call[] = [];
  const catalog = mesh.client(CatalogService, 'bakery.orders');
  const payments = mesh.client(PaymentService, 'bakery.orders');
  mesh.serve(
    implement(OrderService, {
      ...orders,
      async getOrder(request, call) {
        calls.push(call);
        await catalog.getProduct({ sku: 'ABC-1234' });
        await payments.capture({ orderId: request.orderId }, { deadlineMs: 60_000 });
        return { order: { orderId: request.orderId } };
      },
    }),
  );
  mesh.fake(CatalogService, {
    getProduct: (_request, call) => {
      calls.push(call);
      return {};
    },
  });
  mesh.fake(PaymentService, {
    capture: (_request, call) => {
      calls.push(call);
      return {};
    },
  });
  await mesh.client(OrderService, 'edge').getOrder({ orderId });
  t.deepEqual(
    calls.map(({ method, caller }) => `${method.name} by ${caller.kind === 'service' ? caller.name : caller.kind}`),
    ['GetOrder by edge', 'GetProduct by bakery.orders', 'Capture by bakery.orders'],
  );
  // 2 s is the deadline of GetOrder, and what it calls has no more.
  for (const { deadline = Number.POSITIVE_INFINITY } of calls) t.true(deadline <= Date.now() + 2_000);
  t.is(new Set(calls.map(({ traceId }) => traceId)).size, 1);
});

test("what a handler lets through of a refusal is not told to the handler's caller", async (t) => {
  const mesh = await testMesh();
  const notAdmitted = mesh.client(PaymentService, 'bakery.catalog');
  mesh.serve(
    implement(OrderService, {
      ...orders,
      async getOrder() {
        await notAdmitted.capture({ orderId });
        return {};
      },
    }),
  );
  mesh.fake(PaymentService, {});
  const error = await t.throwsAsync(mesh.client(OrderService, 'edge').getOrder({ orderId }), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.Internal);
  t.notRegex(error?.message ?? '', /may not call/);
});

test('an idempotency key is demanded, and so is a handler that heeds it', async (t) => {
  const mesh = await testMesh();
  const place = { customerId: orderId, items: [{ sku: 'ABC-1234', quantity: 1 }], currencyCode: 'EUR' };
  mesh.fake(OrderService, { placeOrder: () => ({}) });
  const client = mesh.client(OrderService, 'edge');
  const error = await t.throwsAsync(client.placeOrder({ ...place, cardNumber: '4111111111111111' }), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.InvalidArgument);
  t.regex(error?.rawMessage ?? '', /idempotency_key/);
  const unmarked = implement(OrderService, { ...orders, placeOrder: () => ({}) });
  t.throws(() => mesh.serve(unmarked), { instanceOf: TypeError, message: /keyed\(\), or by repeatable\(\)/ });
});

test('interceptors of a service and of a client hold, and a service that is missing is named', async (t) => {
  const mesh = await testMesh();
  const seen: string[] = [];
  const named =
    (name: string): Interceptor =>
    (next) =>
    (request) => {
      seen.push(`${name} ${request.method.name}`);
      return next(request);
    };
  mesh.serve(implement(OrderService, orders), { interceptors: [named('server')] });
  const client = mesh.client(OrderService, 'edge', { interceptors: [named('client')] });
  await client.getOrder({ orderId });
  for await (const { sequence } of client.watchOrder({ orderId })) t.true(sequence > 0n);
  t.deepEqual(seen, ['client GetOrder', 'server GetOrder', 'client WatchOrder', 'server WatchOrder']);
  const missing = await t.throwsAsync(mesh.client(CatalogService, 'edge').getProduct({ sku: 'ABC-1234' }), {
    instanceOf: ConnectError,
  });
  t.is(missing?.code, Code.Unavailable);
  t.is(missing?.rawMessage, 'bakery.catalog.v1.CatalogService is not in this test mesh; add it by serve() or fake()');
});
