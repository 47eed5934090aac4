import { connect as connectHttp2 } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import {
  GetOrderRequestSchema,
  OrderService,
  WatchOrderRequestSchema,
} from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import type { Call } from './current-call.ts';
import { frameMessage } from './grpc/frame.ts';
import { maxTimerMs } from './grpc/timeout.ts';
import { client, implement } from './index.ts';
import { orderId, orders, serving } from './order-server.fixture.ts';

// Deadlines that are longer than a header or a timer has room for, and shorter than a millisecond.

const hourMs = 3_600_000;

/** A service that calls another in each method, and what the other was told. */
async function chain() {
  const told: { readonly header: string | null; readonly remainingMs: number | undefined }[] = [];
  const back = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(request, call) {
          told.push({ header: call.requestHeader.get('grpc-timeout'), remainingMs: call.timeoutMs() });
          return { order: { orderId: request.orderId } };
        },
      }),
    ],
  });
  const inner = client(OrderService, { outbound: back.address });
  const front = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder: (request) => inner.getOrder(request),
        async *watchOrder(request) {
          yield { order: (await inner.getOrder({ orderId: request.orderId })).order };
        },
      }),
    ],
  });
  return { told, front, inner, close: () => Promise.all([front.close(), back.close()]) };
}

test('a deadline of any length that a protocol can say is passed on', async (t) => {
  const { told, front, close } = await chain();
  const session = connectHttp2(`http://${front.address}`);
  const post = async (path: string, headers: Record<string, string>, body: Uint8Array) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/bakery.orders.v1.OrderService/${path}`,
      ...headers,
    });
    const chunks: Buffer[] = [];
    let status: unknown;
    stream.on('response', (answered) => {
      status = answered['grpc-status'] ?? answered[':status'];
    });
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'] ?? status;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.end(body);
    await new Promise((resolve) => stream.on('close', resolve));
    return { status: String(status), body: Buffer.concat(chunks).toString('latin1') };
  };
  const unary = frameMessage(toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId })));
  const watch = frameMessage(toBinary(WatchOrderRequestSchema, create(WatchOrderRequestSchema, { orderId })));
  const lasts = [
    ['27H', 27 * hourMs],
    ['28H', 28 * hourMs],
    ['99999999S', maxTimerMs],
    ['99999999M', maxTimerMs],
    ['99999999H', maxTimerMs],
    ['99999999m', 99_999_999],
    ['99999999u', 99_999],
  ] as const;
  for (const [timeout, expectedMs] of lasts) {
    for (const [path, body] of [
      ['GetOrder', unary],
      ['WatchOrder', watch],
    ] as const) {
      for (const type of ['application/grpc', 'application/grpc-web']) {
        const answer = await post(path, { 'content-type': type, 'grpc-timeout': timeout }, body);
        const ok = type === 'application/grpc' ? answer.status === '0' : answer.body.includes('grpc-status: 0');
        t.true(ok, `${type} ${path} ${timeout}: ${answer.status} ${answer.body}`);
        const { header, remainingMs = 0 } = told.pop() ?? {};
        t.regex(header ?? '', /^\d{1,8}[mSMH]$/, timeout);
        t.true(remainingMs > expectedMs - 10_000 && remainingMs <= expectedMs + 1_000, `${timeout}: ${remainingMs}`);
      }
    }
  }
  for (const timeout of ['100800000', '2147483648', '9999999999']) {
    const headers = { 'content-type': 'application/json', 'connect-timeout-ms': timeout };
    const answer = await post('GetOrder', headers, Buffer.from(JSON.stringify({ orderId })));
    t.is(answer.status, '200', answer.body);
    const { remainingMs = 0 } = told.pop() ?? {};
    const expectedMs = Math.min(Number(timeout), maxTimerMs);
    t.true(remainingMs > expectedMs - 10_000 && remainingMs <= expectedMs + 1_000, `${timeout}: ${remainingMs}`);
  }
  for (const timeout of ['99999999999', '1e9', '-1', 'x']) {
    const headers = { 'content-type': 'application/json', 'connect-timeout-ms': timeout };
    t.is((await post('GetOrder', headers, Buffer.from('{}'))).status, '400', timeout);
  }
  session.destroy();
  await close();
});

test("a caller's own deadline may be any number", async (t) => {
  const { told, inner, close } = await chain();
  for (const deadlineMs of [1_234.56, 28 * hourMs, 2 ** 31, 1e15, Number.MAX_VALUE])
    await t.notThrowsAsync(() => inner.getOrder({ orderId }, { deadlineMs }), String(deadlineMs));
  t.true(told.every(({ header }) => /^\d{1,8}[mSMH]$/.test(header ?? '')));
  await inner.getOrder({ orderId }, { deadlineMs: Number.POSITIVE_INFINITY });
  t.is(told.at(-1)?.header, null);
  await close();
});

test('a call made after the deadline of the one being answered does not go without any', async (t) => {
  const { told, inner, close } = await chain();
  const late = Promise.withResolvers<unknown>();
  let call: Call | undefined;
  const front = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        async getOrder(request, incoming) {
          call = incoming;
          while ((incoming.timeoutMs() ?? 1) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
          // A signal of its own: this call is not cancelled, it only has no time left.
          await inner.getOrder(request).then(late.resolve, late.resolve);
          return {};
        },
      }),
    ],
  });
  const outer = client(OrderService, { outbound: front.address });
  // A connection first: a call whose deadline passes before there is one is never sent.
  await outer.listOrders({ customerId: orderId }).catch(() => {});
  await t.throwsAsync(() => outer.getOrder({ orderId }, { deadlineMs: 500 }), { instanceOf: ConnectError });
  const error = await late.promise;
  t.true(error instanceof ConnectError);
  t.true(error instanceof ConnectError && [Code.DeadlineExceeded, Code.Canceled].includes(error.code));
  t.true(told.every(({ header }) => header !== null));
  t.is(call?.timeoutMs(), 0);
  await Promise.all([front.close(), close()]);
});
