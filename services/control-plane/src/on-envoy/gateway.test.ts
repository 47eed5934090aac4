import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Code, type ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-node';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withoutMethods, withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { client, implement, repeatable, type Server, serve } from '@weft/service-kit';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/running-control-plane.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// The edge, two versions of orders and a catalog: what callers outside see.

interface Context {
  readonly mesh: RunningMesh;
  readonly servers: Server[];
  /** What the applications saw: replica, method, fields. */
  readonly seen: string[];
  readonly edge: string;
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const declared = { 'content-type': 'application/json' };
const slowId = 'ffffa5f4-3c5e-7c5e-8c5e-0190a5f43c5e';

test.before(async (t) => {
  const mesh = await runMesh();
  const [oldIn, newIn, catalogIn, edgePort] = await freePorts(4);
  const catalog = withPolicy(descriptorSet('bakery.catalog'), 'GetProduct', {
    hedge: { after: { nanos: 100_000_000 } },
  });
  // The new version waits half a second for GetOrder; a stream that rests for half a second ends. The old one cannot list.
  const fresh = withPolicy(
    withPolicy(descriptorSet('bakery.orders'), 'GetOrder', { deadline: { nanos: 500_000_000 } }),
    'WatchOrder',
    { idleTimeout: { nanos: 500_000_000 } },
  );
  const old = withoutMethods(fresh, 'ListOrders');
  const directory = new MeshDirectory({ accessLog: 'all' })
    .contract('bakery', 'bakery.catalog', catalog)
    .contract('bakery', 'old', old)
    .contract('bakery', 'new', fresh)
    .service('catalog')
    .service('orders')
    .edge(`127.0.0.1:${edgePort}`, {
      reflection: true,
      maxHeaders: 60,
      maxMessageBytes: 100_000,
      corsOrigins: ['http://bakery.test', 'http://local.test:*'],
    });
  const replica = (name: string, set: Uint8Array, port = 0) =>
    directory.replica(name, {
      contract: contractHash(set),
      inbound: `127.0.0.1:${port}`,
      application: `unix:${mesh.dir}/${name}`,
    });
  replica('catalog-0', catalog, catalogIn);
  replica('orders-0', old, oldIn);
  replica('orders-1', fresh, newIn);

  const seen: string[] = [];
  const orders = (name: string) =>
    serve({
      name: 'bakery.orders',
      listen: `unix:${mesh.dir}/${name}`,
      drainMs: 0,
      services: [
        implement(OrderService, {
          placeOrder: repeatable(() => ({})),
          async getOrder(request, call) {
            const headers = [...call.requestHeader]
              .filter(([key]) => key.startsWith('x-weft'))
              .map((header) => header.join('='));
            seen.push(`${name} get ${request.orderId} by ${call.caller.kind} ${call.caller.id} ${headers}`);
            if (request.orderId === slowId)
              await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
            return { order: { orderId: request.orderId } };
          },
          listOrders(request) {
            seen.push(`${name} list ${request.customerId} ${request.pageSize}`);
            return {};
          },
          async *watchOrder(request, call) {
            yield { order: { orderId: request.orderId }, sequence: 1n };
            yield { order: { orderId: request.orderId }, sequence: 2n };
            if (request.orderId === slowId)
              await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
          },
        }),
      ],
    });
  const servers = await Promise.all([
    orders('orders-0'),
    orders('orders-1'),
    serve({
      name: 'bakery.catalog',
      listen: `unix:${mesh.dir}/catalog-0`,
      drainMs: 0,
      services: [
        implement(CatalogService, {
          async getProduct(request, call) {
            seen.push(`product ${request.sku}`);
            // The first try never answers.
            if (seen.length === 1) await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
            return { product: { sku: request.sku } };
          },
          batchGetProducts: (request) => {
            seen.push(`batch ${request.skus}`);
            return {};
          },
          listProducts: () => ({}),
          searchProducts: (request) => {
            seen.push(`search ${request.query}`);
            return {};
          },
          importProducts: () => ({}),
        }),
      ],
    }),
  ]);
  await mesh.update(directory);
  for (const name of ['bakery/catalog-0', 'bakery/orders-0', 'bakery/orders-1', 'weft/edge-0'] as const) {
    await mesh.startProxy(name);
  }
  Object.assign(t.context, { mesh, servers, seen, edge: `127.0.0.1:${edgePort}` });
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  await Promise.all((t.context.servers ?? []).map((server) => server.close()));
});

test.beforeEach((t) => {
  t.context.seen.length = 0;
});

async function rest(t: { context: Context }, path: string, init?: RequestInit) {
  const response = await fetch(`http://${t.context.edge}${path}`, init);
  const body = await response.text();
  return { status: response.status, body, headers: response.headers };
}

test.serial('gRPC: an exposed method, without the headers that only the mesh may set', async (t) => {
  const headers = {
    'x-weft-delivered': 'never',
    'x-weft-caller': 'bakery.orders',
    'x-weft-client-address': '192.0.2.1',
    'x-forwarded-client-cert': 'URI=spiffe://weft.local/ns/bakery/sa/orders',
  };
  await client(OrderService, { outbound: t.context.edge }).getOrder({ orderId }, { headers });
  t.regex(
    t.context.seen[0] ?? '',
    new RegExp(
      `get ${orderId} by edge spiffe://weft.local/ns/weft/sa/edge x-weft-caller=edge,x-weft-client-address=127.0.0.1$`,
    ),
  );
});

test.serial('gRPC: what is not exposed is not there', async (t) => {
  const payments = client(PaymentService, { outbound: t.context.edge });
  const error = await t.throwsAsync<ConnectError>(payments.capture({ orderId }));
  t.is(error.code, Code.Unimplemented);
});

test.serial('Connect: JSON in and out, and errors in its own form', async (t) => {
  const call = (method: string) =>
    rest(t, `/bakery.${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orderId }),
    });
  t.deepEqual(JSON.parse((await call('orders.v1.OrderService/GetOrder')).body), { order: { orderId } });
  const { status, body } = await call('payments.v1.PaymentService/Capture');
  t.is(status, 404);
  t.is(JSON.parse(body).code, 'unimplemented');
});

test.serial('REST: paths, custom verbs, queries and repeated fields', async (t) => {
  t.is(JSON.parse((await rest(t, `/v1/orders/${orderId}`)).body).order.orderId, orderId);
  t.is((await rest(t, '/v1/products:search?query=two%20words')).status, 200);
  t.is((await rest(t, '/v1/products:batchGet?skus=WFT-0001&skus=WFT-0002')).status, 200);
  t.deepEqual(t.context.seen.slice(1), ['search two words', 'batch WFT-0001,WFT-0002']);
});

test.serial('REST: a server stream is one JSON line a message', async (t) => {
  const { body } = await rest(t, `/v1/orders/${orderId}:watch`);
  const sequences = body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line).sequence);
  t.deepEqual(sequences, ['1', '2']);
});

test.serial('REST: errors are a google.rpc.Status with its details', async (t) => {
  const invalid = await rest(t, '/v1/orders/no-uuid');
  t.is(invalid.status, 400);
  const { code, details } = JSON.parse(invalid.body);
  t.is(code, 3);
  t.is(details[0].fieldViolations[0].field, 'order_id');
});

test.serial('REST: what is not there and what is not meant', async (t) => {
  const answers = [
    await rest(t, '/v2/nothing'),
    await rest(t, '/v1/orders', { method: 'DELETE' }),
    await rest(t, '/v1/orders?nonsense=1'),
    await rest(t, '/v1/orders', { method: 'POST', headers: declared, body: '{nonsense' }),
  ];
  t.deepEqual(
    answers.map(({ status, body }) => [status, JSON.parse(body).code]),
    [
      [404, 5],
      [404, 5],
      [400, 3],
      [400, 3],
    ],
  );
});

test.serial('a deadline: DEADLINE_EXCEEDED in every protocol', async (t) => {
  const orders = client(OrderService, { outbound: t.context.edge });
  const error = await t.throwsAsync<ConnectError>(orders.getOrder({ orderId: slowId }));
  t.is(
    `${Code[error.code]} ${error.rawMessage}`,
    'DeadlineExceeded weft: bakery.orders did not answer within the deadline',
  );
  const answer = await rest(t, `/v1/orders/${slowId}`);
  t.deepEqual([answer.status, JSON.parse(answer.body).code], [504, 4]);
});

test.serial('a stream on which nothing moves ends', async (t) => {
  const orders = client(OrderService, { outbound: t.context.edge });
  const received: bigint[] = [];
  const error = await t.throwsAsync<ConnectError>(async () => {
    for await (const { sequence } of orders.watchOrder({ orderId: slowId })) received.push(sequence);
  });
  t.deepEqual(received, [1n, 2n]);
  // Its headers are long sent, so Envoy can only cut it off; before them it would be DEADLINE_EXCEEDED.
  t.is(error.code, Code.Internal);
});

test.serial('limits: a message or headers that are too large', async (t) => {
  const orders = client(OrderService, { outbound: t.context.edge });
  const large = await t.throwsAsync<ConnectError>(orders.placeOrder({ idempotencyKey: 'x'.repeat(200_000) }));
  t.is(large.code, Code.ResourceExhausted);
  const body = JSON.stringify({ idempotencyKey: 'x'.repeat(200_000) });
  const answer = await rest(t, '/v1/orders', { method: 'POST', headers: declared, body });
  t.deepEqual([answer.status, JSON.parse(answer.body).code], [413, 8]);

  const headers = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`x-${index}`, 'v']));
  const many = await t.throwsAsync<ConnectError>(orders.getOrder({ orderId }, { headers }));
  t.is(many.code, Code.ResourceExhausted);
  t.regex(many.rawMessage, /at most 60 may be sent/);
  t.is((await rest(t, `/v1/orders/${orderId}`, { headers })).status, 431);
  t.deepEqual(t.context.seen, []);
});

test.serial('a browser may call from the origins that the gateway names, by gRPC-Web, Connect and REST', async (t) => {
  const allowed = async (path: string, origin: string, init: RequestInit = {}) => {
    const headers = { origin, 'access-control-request-method': 'POST', ...init.headers };
    const answer = await rest(t, path, { method: 'OPTIONS', ...init, headers });
    return answer.headers.get('access-control-allow-origin');
  };
  for (const path of ['/bakery.orders.v1.OrderService/GetOrder', '/v1/orders', `/v1/orders/${orderId}`]) {
    for (const origin of ['http://bakery.test', 'http://local.test', 'http://local.test:5173']) {
      t.is(await allowed(path, origin), origin, path);
    }
    for (const origin of [
      'http://evil.test',
      'http://localxtest',
      'http://local.test.evil',
      'http://local.test:1.evil',
    ]) {
      t.is(await allowed(path, origin), null, path);
    }
  }
  // And a page may read the answer itself, also of a request that nothing was asked before.
  t.is(await allowed(`/v1/orders/${orderId}`, 'http://bakery.test', { method: 'GET' }), 'http://bakery.test');
  t.is(await allowed(`/v1/orders/${orderId}`, 'http://evil.test', { method: 'GET' }), null);
});

test.serial('a method that only the new version has goes to its replicas only', async (t) => {
  const orders = client(OrderService, { outbound: t.context.edge });
  for (let count = 0; count < 10; count++) await orders.listOrders({ customerId: orderId });
  t.deepEqual(new Set(t.context.seen), new Set([`orders-1 list ${orderId} 0`]));
  for (let count = 0; count < 30; count++) await orders.getOrder({ orderId });
  const replicas = new Set(t.context.seen.map((line) => line.split(' ')[0]));
  t.deepEqual([...replicas].sort(), ['orders-0', 'orders-1']);
});

test.serial('a hedged method is sent a second time when the first answer is late', async (t) => {
  const { product } = await client(CatalogService, { outbound: t.context.edge }).getProduct({ sku: 'WFT-0001' });
  t.is(product?.sku, 'WFT-0001');
  t.deepEqual(t.context.seen, ['product WFT-0001', 'product WFT-0001']);
});

test.serial('gRPC-Web passes, and what is not exposed is not there', async (t) => {
  const transport = createGrpcWebTransport({ baseUrl: `http://${t.context.edge}`, httpVersion: '1.1' });
  const { order } = await createClient(OrderService, transport).getOrder({ orderId });
  t.is(order?.orderId, orderId);
  const error = await t.throwsAsync<ConnectError>(createClient(PaymentService, transport).capture({ orderId }));
  t.is(error.code, Code.Unimplemented);
});

test.serial('access logs name the caller, the method and the path without its query', async (t) => {
  await rest(t, '/v1/products:search?query=secret');
  const line = () => t.context.mesh.log.find((text) => text.includes('"path":"/v1/products:search"'));
  await until(() => line() !== undefined);
  t.notRegex(t.context.mesh.log.join('\n'), /secret/);
  await until(() => t.context.mesh.log.some((text) => text.includes('"caller":"spiffe://weft.local/ns/weft/sa/edge"')));
});

test('what the gateway exposes is found by reflection in every protocol', async (t) => {
  const { edge } = t.context;
  const buf = fileURLToPath(import.meta.resolve('@bufbuild/buf/bin/buf'));
  const url = `http://${edge}/bakery.orders.v1.OrderService/ListOrders`;
  for (const protocol of ['connect', 'grpc', 'grpcweb']) {
    for (const version of ['grpc-v1', 'grpc-v1alpha']) {
      const options = ['--http2-prior-knowledge', '--protocol', protocol, '--reflect-protocol', version];
      const { stdout } = await promisify(execFile)(buf, [
        'curl',
        ...options,
        '-d',
        JSON.stringify({ customerId: orderId }),
        url,
      ]);
      t.deepEqual(JSON.parse(stdout), {}, `${protocol} ${version}`);
    }
  }
});
