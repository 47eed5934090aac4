import { once } from 'node:events';
import { Code, ConnectError, type Interceptor } from '@connectrpc/connect';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { client, implement, repeatable, ServiceError } from '../index.ts';
import { orderId, orders, serving } from '../order-server.fixture.ts';
import { answerWith, oddServer, reset } from './odd-server.fixture.ts';

const through: Interceptor = (next) => (request) => next(request);

test('a reader that stops in the middle of a stream cancels it', async (t) => {
  for (const interceptors of [[], [through]]) {
    const hungUp = Promise.withResolvers<unknown>();
    const server = await serving({
      services: [
        implement(OrderService, {
          ...orders,
          async *watchOrder(_request, call) {
            call.signal.addEventListener('abort', () => hungUp.resolve(call.signal.reason));
            for (let sequence = 1n; ; sequence++) yield { sequence };
          },
        }),
      ],
    });
    const c = client(OrderService, { outbound: server.address, interceptors });
    for await (const { sequence } of c.watchOrder({ orderId })) if (sequence === 3n) break;
    t.regex(String(await hungUp.promise), /hung up/);
    await server.close();
  }
});

test('the messages before an error come before it', async (t) => {
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        async *watchOrder() {
          for (let sequence = 1n; sequence <= 100n; sequence++) yield { sequence };
          throw new ServiceError(Code.FailedPrecondition, 'enough');
        },
      }),
    ],
  });
  const stream = client(OrderService, { outbound: server.address }).watchOrder({ orderId })[Symbol.asyncIterator]();
  await stream.next();
  // All of it has come before the second one is asked for.
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (let sequence = 2n; sequence <= 100n; sequence++) t.is((await stream.next()).value?.sequence, sequence);
  const error = await t.throwsAsync(async () => stream.next(), { instanceOf: ConnectError });
  t.is(error?.code, Code.FailedPrecondition);
  t.is(error?.rawMessage, 'enough');
  await server.close();
});

test('a slow reader holds its stream back, and no other', async (t) => {
  let made = 0;
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        async *watchOrder() {
          const order = { orderId, reason: 'x'.repeat(10_000) };
          for (; made < 2_000; made++) yield { order };
        },
      }),
    ],
  });
  const c = client(OrderService, { outbound: server.address });
  const stream = c.watchOrder({ orderId })[Symbol.asyncIterator]();
  await stream.next();
  for (let before = -1; made !== before; ) {
    before = made;
    await c.getOrder({ orderId });
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.true(made < 1_000, `${made} messages of 10 KB were made for a reader that took one`);
  let read = 1;
  while (!(await stream.next()).done) read++;
  t.is(read, 2_000);
  await server.close();
});

test('a request is sent no faster than it is taken, and its source is closed with the call', async (t) => {
  const server = await oddServer((stream) => stream.pause());
  t.teardown(() => server.close());
  let made = 0;
  let isClosed = false;
  const products = async function* () {
    try {
      for (;;) {
        made++;
        yield { product: { sku: 'ABC-1', name: 'x'.repeat(10_000) } };
      }
    } finally {
      isClosed = true;
    }
  };
  const abort = new AbortController();
  const call = client(CatalogService, { outbound: server.address }).importProducts(products(), {
    signal: abort.signal,
  });
  call.catch(() => {});
  for (let before = -1; made !== before || made === 0; ) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.true(made < 1_000, `${made} messages of 10 KB were made for a callee that took none`);
  abort.abort(new Error('changed my mind'));
  const error = await t.throwsAsync(call, { instanceOf: ConnectError });
  t.is(error?.code, Code.Canceled);
  t.is(error?.rawMessage, 'changed my mind');
  while (!isClosed) await new Promise((resolve) => setTimeout(resolve, 5));
  await server.idle();
  t.pass();
});

test('a callee may answer before it has all of the request', async (t) => {
  const server = await oddServer((stream) => answerWith(stream, Buffer.alloc(5)));
  t.teardown(() => server.close());
  let isClosed = false;
  const products = async function* () {
    try {
      for (;;) {
        yield {};
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    } finally {
      isClosed = true;
    }
  };
  t.is((await client(CatalogService, { outbound: server.address }).importProducts(products())).created, 0n);
  while (!isClosed) await new Promise((resolve) => setTimeout(resolve, 5));
  await server.idle();
});

test('a source that fails takes its request back, and the callee never takes half of it for all', async (t) => {
  const seen = Promise.withResolvers<string>();
  const server = await oddServer((stream) => {
    stream.on('end', () => seen.resolve(stream.aborted ? 'aborted' : 'the end'));
    stream.on('aborted', () => seen.resolve('aborted'));
  });
  t.teardown(() => server.close());
  const products = async function* () {
    yield { product: { sku: 'ABC-1' } };
    while (server.streams.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    throw new Error('no more');
  };
  const c = client(CatalogService, { outbound: server.address });
  const error = await t.throwsAsync(c.importProducts(products()), { instanceOf: ConnectError });
  t.is(error?.code, Code.Internal);
  t.is(error?.rawMessage, 'no more');
  t.is(await seen.promise, 'aborted');
  await server.idle();
});

test('large requests and answers go in gzip when the client says so', async (t) => {
  const encodings: (string | null)[] = [];
  const reason = 'x'.repeat(100_000);
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        placeOrder: repeatable((request, call) => {
          encodings.push(call.requestHeader.get('grpc-encoding'));
          return { order: { orderId: request.customerId, reason } };
        }),
      }),
    ],
  });
  const c = client(OrderService, { outbound: server.address, compression: 'gzip' });
  const received: (string | null)[] = [];
  const { order } = await c.placeOrder(
    {
      idempotencyKey: 'k',
      customerId: orderId,
      items: [{ sku: 'ABC-1234', quantity: 1 }],
      currencyCode: 'EUR',
      cardNumber: '4929123456781234',
    },
    { onHeader: (headers) => received.push(headers.get('grpc-encoding')) },
  );
  t.is(order?.reason, reason);
  t.deepEqual([encodings, received], [['gzip'], ['gzip']]);
  await server.close();
});

test('a stream that nobody reads and that fails does no harm', async (t) => {
  const server = await oddServer((stream) => reset(stream, 2));
  t.teardown(() => server.close());
  const c = client(OrderService, { outbound: server.address });
  c.watchOrder({ orderId });
  const [session] = server.sessions.size > 0 ? [...server.sessions] : [];
  if (session) await once(session, 'close');
  await t.throwsAsync(c.getOrder({ orderId }), { instanceOf: ConnectError });
  await new Promise((resolve) => setImmediate(resolve));
});
