import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet } from '@weft/compiler/testing/mesh-directory';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import anyTest, { type TestFn } from 'ava';
import { behaviours, trailersOnly } from './testing/raw-application.ts';
import { type RunningBakery, runBakery } from './testing/running-bakery.ts';
import { until } from './testing/running-control-plane.ts';

// What Envoy answers by itself, and gRPC-Web before applications that know gRPC alone.

interface Context {
  readonly bakery: RunningBakery;
  readonly edge: string;
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const traceId = '0af7651916cd43dd8448eb211c80319c';
const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
const listOrders = '/bakery.orders.v1.OrderService/ListOrders';

test.before(async (t) => {
  // Only GetOrder has little time: what is to be answered must not depend on how busy the machine is.
  const orders = withPolicy(descriptorSet('bakery.orders'), 'GetOrder', { deadline: { nanos: 300_000_000 } });
  const contracts = { orders, payments: descriptorSet('bakery.payments') };
  const bakery = await runBakery(contracts, { edge: true });
  Object.assign(t.context, { bakery, edge: `http://${bakery.edge?.address}` });
});

test.after.always((t) => t.context.bakery?.stop());

const transports = {
  gRPC: (baseUrl: string) => createGrpcTransport({ baseUrl }),
  'gRPC-Web': (baseUrl: string) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
} as const;

async function failure(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => new ConnectError('it was answered'),
    (error) => ConnectError.from(error),
  );
}

for (const [protocol, transport] of Object.entries(transports)) {
  test.serial(`${protocol}: an answer of the edge has its code, its words and its trace`, async (t) => {
    const { bakery, edge } = t.context;
    const orders = createClient(OrderService, transport(edge));
    const application = bakery.replica('orders-0').application;

    application.behaviour = behaviours.hang;
    const late = await failure(orders.getOrder({ orderId }, { headers }));
    t.is(late.code, Code.DeadlineExceeded);
    t.is(late.rawMessage, 'weft: bakery.orders did not answer within the deadline');
    t.is(late.metadata.get('weft-trace-id'), traceId);

    const payments = createClient(PaymentService, transport(edge));
    const closed = await failure(payments.capture({ orderId }, { headers }));
    t.is(closed.code, Code.Unimplemented);
    t.is(closed.rawMessage, 'weft: no contract exposes this here');
    t.is(closed.metadata.get('weft-trace-id'), traceId);

    application.behaviour = behaviours.reset;
    const torn = await failure(orders.listOrders({ customerId: orderId }, { headers }));
    t.is(torn.code, Code.Unavailable);
    t.is(torn.metadata.get('weft-trace-id'), traceId);

    const large = await failure(orders.placeOrder({ idempotencyKey: 'x'.repeat(5 << 20) }, { headers }));
    t.is(large.code, Code.ResourceExhausted);
    t.is(large.metadata.get('weft-trace-id'), traceId);
  });
}

test.serial('gRPC-Web: an application that knows gRPC alone is called by gRPC, in binary and in text', async (t) => {
  const { bakery, edge } = t.context;
  const application = bakery.replica('orders-0').application;
  const seen: unknown[] = [];
  application.behaviour = (stream, received) => {
    seen.push(received['content-type']);
    behaviours.ok(stream);
  };
  const orders = createClient(OrderService, transports['gRPC-Web'](edge));
  t.deepEqual((await orders.listOrders({ customerId: orderId })).orders, []);
  const text = await fetch(edge + listOrders, {
    method: 'POST',
    headers: { 'content-type': 'application/grpc-web-text', accept: 'application/grpc-web-text' },
    body: Buffer.alloc(5).toString('base64'),
  });
  t.is(text.headers.get('content-type'), 'application/grpc-web-text+proto');
  const parts = (await text.text()).match(/[^=]+=*/g) ?? [];
  t.regex(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString(), /grpc-status:0\r\n$/);
  t.deepEqual(seen, ['application/grpc', 'application/grpc']);
});

test.serial('gRPC-Web: a stream of answers, its trailers in its body, and an error after two of them', async (t) => {
  const { bakery, edge } = t.context;
  const orders = createClient(OrderService, transports['gRPC-Web'](edge));
  for (const status of ['0', '9']) {
    bakery.replica('orders-0').application.behaviour = (stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': 'it%20broke' }));
      stream.end(Buffer.alloc(10));
    };
    let received = 0;
    const error = await failure(
      (async () => {
        for await (const _ of orders.watchOrder({ orderId })) received++;
      })(),
    );
    t.is(received, 2);
    t.is(error.rawMessage, status === '0' ? 'it was answered' : 'it broke');
    if (status === '9') t.is(error.code, Code.FailedPrecondition);
  }
});

test.serial('gRPC-Web: an error of the application', async (t) => {
  const { bakery, edge } = t.context;
  bakery.replica('orders-0').application.behaviour = trailersOnly('5', { 'grpc-message': 'no%20such%20order' });
  const error = await failure(
    createClient(OrderService, transports['gRPC-Web'](edge)).listOrders({ customerId: orderId }),
  );
  t.is(error.code, Code.NotFound);
  t.is(error.rawMessage, 'no such order');
});

test.serial('REST: every answer of the edge names its trace', async (t) => {
  const { bakery, edge } = t.context;
  bakery.replica('orders-0').application.behaviour = behaviours.hang;
  for (const [path, status] of [
    [`/v1/orders/${orderId}`, 504],
    ['/nothing', 404],
    ['/v1/orders?nonsense=1', 400],
  ] as const) {
    const answer = await fetch(edge + path, { headers });
    t.is(answer.status, status, path);
    t.is(answer.headers.get('weft-trace-id'), traceId, path);
  }
});

test.serial('REST and Connect: nobody there and nobody in time have the words that gRPC has', async (t) => {
  const { bakery, edge } = t.context;
  const getOrder = '/bakery.orders.v1.OrderService/GetOrder';
  const answers = async () => {
    const rest = await fetch(`${edge}/v1/orders/${orderId}`, { headers });
    const connect = await fetch(edge + getOrder, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json', 'connect-protocol-version': '1' },
      body: JSON.stringify({ orderId }),
    });
    for (const answer of [rest, connect]) t.is(answer.headers.get('weft-trace-id'), traceId);
    return { statuses: [rest.status, connect.status], bodies: [await rest.text(), await connect.text()] };
  };
  bakery.replica('orders-0').application.behaviour = behaviours.hang;
  const late = await answers();
  t.deepEqual(late.statuses, [504, 504]);
  // The edge or the callee's sidecar, whichever notices first.
  for (const body of late.bodies) t.regex(body, /weft: bakery\.orders did not answer within the deadline/);

  bakery.ready('orders-0', false);
  await bakery.apply();
  t.teardown(async () => {
    bakery.ready('orders-0', true);
    await bakery.apply();
  });
  const nobody = await answers();
  const message = 'weft: bakery.orders has no replica that takes calls';
  t.deepEqual(nobody.statuses, [503, 503]);
  t.deepEqual(
    nobody.bodies.map((body) => JSON.parse(body)),
    [
      { code: 14, message },
      { code: 'unavailable', message },
    ],
  );
});

test.serial('a call without a trace, or with a broken one, is named by an id that is in the access log', async (t) => {
  const { bakery, edge } = t.context;
  for (const traceparent of [
    '',
    'nonsense',
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `ff-${traceId}-b7ad6b7169203331-01`,
  ]) {
    const answer = await fetch(`${edge}/nothing`, traceparent === '' ? {} : { headers: { traceparent } });
    const id = answer.headers.get('weft-trace-id') ?? '';
    t.regex(id, /^[0-9a-f]{32}$/, traceparent);
    t.notRegex(id, /^0+$/);
    t.not(id, traceId);
    await until(() => bakery.mesh.log.some((line) => line.includes(`"trace_id":"${id}"`)));
  }
});

test.serial('sidecars name the trace of what they refuse and of what nobody answers', async (t) => {
  const { caller } = t.context.bakery.replica('payments-0');
  const { application } = t.context.bakery.replica('orders-0');
  const refused = await caller.call({ authority: 'bakery.orders', path: listOrders, headers });
  t.is(refused.grpcStatus, '7');
  t.is(refused.headers['weft-trace-id'], traceId);

  const orders = t.context.bakery.replica('orders-0').caller;
  t.context.bakery.replica('payments-0').application.behaviour = behaviours.reset;
  const authorize = '/bakery.payments.v1.PaymentService/Authorize';
  const torn = await orders.call({ authority: 'bakery.payments', path: authorize, headers });
  t.is(torn.grpcStatus, '14');
  t.is(torn.headers['weft-trace-id'], traceId);
  application.behaviour = behaviours.ok;
});
