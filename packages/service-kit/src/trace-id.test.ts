import { connect as connectHttp2 } from 'node:http2';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { GetOrderRequestSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { frameMessage } from './grpc/frame.ts';
import { client, createLogger, implement, ServiceError } from './index.ts';
import { orderId, orders, serving, transports } from './order-server.fixture.ts';

// Here nothing imports telemetry: no collector, no spans.

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
const own = /^[0-9a-f]{32}$/;

test('each error answer names its trace, and each line that is logged for it', async (t) => {
  const lines: string[] = [];
  const log = createLogger({ write: (line) => void lines.push(line) });
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder: (_request, call) => {
          log.info({ told: call.traceId }, 'asked');
          throw new ServiceError(Code.NotFound, 'orders: none');
        },
        async *watchOrder(_request, call) {
          log.info({ told: call.traceId }, 'watched');
          yield {};
          throw new Error('a fault');
        },
      }),
    ],
  });
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const c = createClient(OrderService, transport);
    const idOf = async (call: Promise<unknown>) => {
      const error = await t.throwsAsync(call, { instanceOf: ConnectError }, name);
      return error?.metadata.get('weft-trace-id') ?? '';
    };
    const stream = async (headers: Record<string, string>) => {
      for await (const _ of c.watchOrder({ orderId }, { headers }));
    };
    t.is(await idOf(c.getOrder({ orderId }, { headers: { traceparent } })), traceId, name);
    t.is(await idOf(stream({ traceparent })), traceId, `${name}, in a stream`);
    t.is(await idOf(c.getOrder({ orderId: 'x' }, { headers: { traceparent } })), traceId, `${name}, a broken rule`);
    // A caller without a trace, or with one that is none, is given one.
    for (const headers of [
      {},
      { traceparent: 'nonsense' },
      { traceparent: traceparent.replace(traceId, '0'.repeat(32)) },
    ])
      t.regex(await idOf(c.getOrder({ orderId }, { headers })), own, name);
  }
  const logged: { trace_id?: string; told?: string }[] = lines.map((line) => JSON.parse(line));
  t.true(logged.length > 20);
  for (const { trace_id, told } of logged) t.is(trace_id, told);
  await server.close();
});

test('so does an answer that only says that the deadline has passed', async (t) => {
  const server = await serving({
    services: [implement(OrderService, { ...orders, getOrder: () => new Promise<never>(() => {}) })],
  });
  const path = '/bakery.orders.v1.OrderService/GetOrder';
  const connect = await fetch(`http://${server.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'connect-timeout-ms': '50', traceparent },
    body: JSON.stringify({ orderId }),
    keepalive: false,
  });
  t.like(await connect.json(), { code: 'deadline_exceeded' });
  t.is(connect.headers.get('weft-trace-id'), traceId);
  const session = connectHttp2(`http://${server.address}`);
  const grpc = {
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'grpc-timeout': '50m',
    traceparent,
  };
  const stream = session.request(grpc);
  stream.end(frameMessage(toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId }))));
  const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on('response', resolve));
  t.like(headers, { 'grpc-status': '4', 'weft-trace-id': traceId });
  stream.resume();
  session.destroy();
  await server.close();
});

test('what is no call is answered with a trace, too, and an answer without an error has none', async (t) => {
  const server = await serving();
  const post = (path: string, headers: Record<string, string>) =>
    fetch(`http://${server.address}/bakery.orders.v1.OrderService/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"orderId": 1',
      keepalive: false,
    });
  const broken = await post('GetOrder', { traceparent });
  t.is(broken.status, 400);
  t.is(broken.headers.get('weft-trace-id'), traceId);
  const seen: Headers[] = [];
  for (const transport of Object.values(transports(server.address)))
    await createClient(OrderService, transport).getOrder(
      { orderId },
      { onHeader: (headers) => seen.push(headers), onTrailer: (headers) => seen.push(headers) },
    );
  t.true(seen.every((headers) => !headers.has('weft-trace-id')));
  await server.close();
});

test('the trace goes on to what a handler calls', async (t) => {
  const seen: (string | undefined)[] = [];
  const back = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(_request, call) {
          seen.push(call.traceId, call.requestHeader.get('traceparent') ?? undefined);
          return {};
        },
      }),
    ],
  });
  const inner = client(OrderService, { outbound: back.address });
  const front = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(request, call) {
          seen.push(call.traceId);
          return inner.getOrder(request);
        },
      }),
    ],
  });
  const c = client(OrderService, { outbound: front.address });
  await c.getOrder({ orderId }, { headers: { traceparent } });
  t.deepEqual(seen.splice(0), [traceId, traceId, traceparent]);
  await c.getOrder({ orderId });
  t.regex(seen[0] ?? '', own);
  t.is(seen[1], seen[0]);
  t.regex(seen[2] ?? '', new RegExp(`^00-${seen[0]}-[0-9a-f]{16}-00$`));
  await Promise.all([front.close(), back.close()]);
});
