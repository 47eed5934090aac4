import { Code, ConnectError, createContextKey, createContextValues } from '@connectrpc/connect';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import test from 'ava';
import { type Call, client, implement, repeatable, ServiceError } from '../index.ts';
import { orderId, orders } from '../order-server.fixture.ts';
import { call, fake } from './index.ts';

const { getOrder, watchOrder, listOrders } = OrderService.method;

test('a handler is called with a caller, a deadline, headers and values', async (t) => {
  const user = createContextKey('nobody');
  let seen: Call | undefined;
  const handler = (request: { orderId: string }, context: Call) => {
    seen = context;
    context.responseHeader.set('x-early', 'a');
    return { order: { orderId: request.orderId, reason: context.values.get(user) } };
  };
  const { order } = await call(
    handler,
    getOrder,
    { orderId },
    {
      caller: 'bakery.payments',
      deadlineMs: 5_000,
      headers: { 'x-own': 'yes', 'x-forwarded-client-cert': 'URI=spiffe://weft.local/ns/a/sa/b' },
      values: createContextValues().set(user, 'ada'),
      onHeader: (headers) => t.is(headers.get('x-early'), 'a'),
    },
  );
  t.is(order?.orderId, orderId);
  t.is(order?.reason, 'ada');
  t.deepEqual(seen?.caller, {
    kind: 'service',
    name: 'bakery.payments',
    id: 'spiffe://weft.local/ns/bakery/sa/payments',
    namespace: 'bakery',
    serviceAccount: 'payments',
  });
  t.is(seen?.requestHeader.get('x-own'), 'yes');
  const left = seen?.deadline === undefined ? 0 : seen.deadline - Date.now();
  t.true(left > 0 && left <= 5_000);
  await call(handler, getOrder, { orderId });
  t.deepEqual(seen?.caller, { kind: 'local', id: 'local' });
  await call(handler, getOrder, { orderId }, { caller: 'edge' });
  t.like(seen?.caller, { kind: 'edge', namespace: 'edge' });
  await call(handler, getOrder, { orderId }, { caller: { namespace: 'a', serviceAccount: 'b' } });
  t.like(seen?.caller, { kind: 'workload', id: 'spiffe://weft.local/ns/a/sa/b' });
});

test('a method of a service is called with all that a server does about it', async (t) => {
  const service = implement(OrderService, orders);
  const states: bigint[] = [];
  for await (const { sequence } of call(service, watchOrder, { orderId })) states.push(sequence);
  t.deepEqual(states, [1n, 2n, 3n]);
  const refused = await t.throwsAsync(call(service, listOrders, { customerId: orderId }), { instanceOf: ConnectError });
  t.is(refused?.code, Code.FailedPrecondition);
  t.is(refused?.rawMessage, 'orders: not today');
  t.regex(refused?.metadata.get('weft-trace-id') ?? '', /^[0-9a-f]{32}$/);
  const broken = await t.throwsAsync(call(service, getOrder, { orderId: 'x' }), { instanceOf: ConnectError });
  t.is(broken?.code, Code.InvalidArgument);
  const slow = () => new Promise<never>(() => {});
  const late = await t.throwsAsync(call(slow, getOrder, { orderId }, { deadlineMs: 20 }), { instanceOf: ConnectError });
  t.is(late?.code, Code.DeadlineExceeded);
});

test('a client stream is called in memory', async (t) => {
  const products = async function* () {
    for (const sku of ['ABC-1234', 'ABC-1235'])
      yield { product: { sku, name: 'n', category: 'tools', price: { currencyCode: 'EUR', units: 1n } } };
  };
  const { created } = await call(
    async (requests) => {
      let count = 0n;
      for await (const { product } of requests) count += product ? 1n : 0n;
      return { created: count };
    },
    CatalogService.method.importProducts,
    products(),
  );
  t.is(created, 2n);
});

test('a fake answers with its handlers, and says which one is missing', async (t) => {
  const transport = fake(PaymentService, {
    tokenizeCard: ({ cardNumber }) => ({ cardToken: `token of ${cardNumber.length}` }),
    authorize: repeatable(() => {
      throw new ServiceError(Code.FailedPrecondition, 'payments: the card was declined');
    }),
  });
  const payments = client(PaymentService, { transport });
  t.is((await payments.tokenizeCard({ cardNumber: '4111111111111111' })).cardToken, 'token of 16');
  const missing = await t.throwsAsync(payments.capture({ orderId }), { instanceOf: ConnectError });
  t.is(missing?.code, Code.Unimplemented);
  t.is(
    missing?.rawMessage,
    'the fake of bakery.payments.v1.PaymentService has no handler for Capture; give it `capture`',
  );
  const broken = await t.throwsAsync(payments.tokenizeCard({ cardNumber: 'x' }), { instanceOf: ConnectError });
  t.is(broken?.code, Code.InvalidArgument);
  const watched = client(OrderService, { transport: fake(OrderService, {}) }).watchOrder({ orderId });
  const stream = await t.throwsAsync(watched[Symbol.asyncIterator]().next(), { instanceOf: ConnectError });
  t.is(stream?.code, Code.Unimplemented);
  t.regex(stream?.rawMessage ?? '', /give it `watchOrder`$/);
});
