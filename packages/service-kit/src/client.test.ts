import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { client, currentCall, implement, ServiceError } from './index.ts';
import { orderId, orders, serving, transports } from './order-server.fixture.ts';
import { maxOutboundConnections } from './outbound/connections.ts';

test('the deadline and the cancellation of a call go on to what it calls', async (t) => {
  const hung = Promise.withResolvers<unknown>();
  const back = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(_request, call) {
          call.signal.addEventListener('abort', () => hung.resolve(call.signal.reason));
          if (call.requestHeader.has('x-warm-up')) return {};
          t.true((call.timeoutMs() ?? Number.POSITIVE_INFINITY) <= 2_000);
          t.is(call.requestHeader.get('x-own'), 'yes');
          return new Promise(() => {});
        },
      }),
    ],
  });
  const inner = client(OrderService, { outbound: back.address });
  const front = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        async getOrder(request, call) {
          t.is(currentCall(), call);
          await new Promise((resolve) => setTimeout(resolve, 1));
          t.is(currentCall(), call);
          return inner.getOrder(request, { deadlineMs: 60_000, headers: { 'x-own': 'yes' } });
        },
      }),
    ],
  });
  const c = client(OrderService, { outbound: front.address });
  // Connections first, so that the deadline is long enough for what it measures.
  await inner.getOrder({ orderId }, { headers: { 'x-warm-up': 'yes' } });
  await c.listOrders({ customerId: orderId }).catch(() => {});
  const error = await t.throwsAsync(() => c.getOrder({ orderId }, { deadlineMs: 2_000 }), { instanceOf: ConnectError });
  t.is(error?.code, Code.DeadlineExceeded);
  t.truthy(await hung.promise);
  await Promise.all([front.close(), back.close()]);
});

test('a client names the callee as the authority', async (t) => {
  const names: unknown[] = [];
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder: (_request, call) => {
          names.push(call.caller.id);
          return {};
        },
      }),
    ],
  });
  const session = connectHttp2(`http://${server.address}`);
  session.destroy();
  const c = client(OrderService, { outbound: server.address });
  await c.getOrder(
    { orderId },
    { headers: { 'x-forwarded-client-cert': 'Hash=1;Subject="";URI=spiffe://weft.local/ns/bakery/sa/catalog' } },
  );
  t.deepEqual(names, ['spiffe://weft.local/ns/bakery/sa/catalog']);
  await server.close();
});

test("a callee's error that is let through keeps what is transient and hides its text", async (t) => {
  let code: Code = Code.Unavailable;
  const back = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder() {
          throw new ServiceError(code, 'for you only');
        },
      }),
    ],
  });
  const inner = client(OrderService, { outbound: back.address });
  const front = await serving({
    services: [implement(OrderService, { ...orders, getOrder: (request) => inner.getOrder(request) })],
  });
  for (const [given, expected] of [
    [Code.Unavailable, Code.Unavailable],
    [Code.PermissionDenied, Code.Internal],
    [Code.NotFound, Code.Internal],
  ] as const) {
    code = given;
    for (const transport of Object.values(transports(front.address))) {
      const error = await t.throwsAsync(() => createClient(OrderService, transport).getOrder({ orderId }), {
        instanceOf: ConnectError,
      });
      t.is(error?.code, expected);
      t.notRegex(error?.message ?? '', /for you only/);
    }
  }
  await Promise.all([front.close(), back.close()]);
});

test('a sidecar that is away, or goes away in the middle of a call, is UNAVAILABLE', async (t) => {
  const dying = createNetServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1');
  await new Promise((resolve) => dying.once('listening', resolve));
  const { port } = dying.address() as AddressInfo;
  for (const outbound of ['127.0.0.1:1', 'unix:/nowhere/weft.sock', `127.0.0.1:${port}`]) {
    const error = await t.throwsAsync(() => client(OrderService, { outbound }).getOrder({ orderId }), {
      instanceOf: ConnectError,
    });
    t.is(error?.code, Code.Unavailable, outbound);
  }
  dying.close();
});

test('a call goes to another connection when one is full, and fails at once when all are', async (t) => {
  const server = await serving({
    limits: { maxConcurrentStreams: 3 },
    services: [
      implement(OrderService, {
        ...orders,
        async *watchOrder(_, call) {
          yield {};
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        },
      }),
    ],
  });
  const c = client(OrderService, { outbound: server.address });
  const abort = new AbortController();
  const room = 3 * maxOutboundConnections;
  for (let index = 0; index < room; index++) {
    const iterator = c.watchOrder({ orderId }, { signal: abort.signal })[Symbol.asyncIterator]();
    t.false((await iterator.next()).done);
    iterator.next().catch(() => {});
  }
  const error = await t.throwsAsync(() => c.getOrder({ orderId }, { deadlineMs: 5_000 }), { instanceOf: ConnectError });
  t.is(error?.code, Code.ResourceExhausted);
  t.regex(error?.rawMessage ?? '', new RegExp(`${room} calls .* ${maxOutboundConnections} connections are full`));
  abort.abort();
  for (;;) {
    const answered = await c.getOrder({ orderId }).catch(() => undefined);
    if (answered) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await server.close();
});
