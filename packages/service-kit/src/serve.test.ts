import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { BadRequestSchema, ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { GetOrderRequestSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { frameMessage } from './grpc/frame.ts';
import { client, implement } from './index.ts';
import { orderId, serving, transports } from './order-server.fixture.ts';

test('each protocol on the one port gets the same answers', async (t) => {
  const server = await serving();
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const c = createClient(OrderService, transport);
    const seen: (string | null)[] = [];
    const { order } = await c.getOrder(
      { orderId },
      { onHeader: (h) => seen.push(h.get('x-early')), onTrailer: (h) => seen.push(h.get('x-late')) },
    );
    t.is(order?.orderId, orderId, name);
    t.is(order?.reason, 'local', name);
    t.deepEqual(seen, ['a', 'b'], name);
    const states: bigint[] = [];
    for await (const { sequence } of c.watchOrder({ orderId })) states.push(sequence);
    t.deepEqual(states, [1n, 2n, 3n], name);
    const error = await t.throwsAsync(() => c.listOrders({ customerId: orderId }), { instanceOf: ConnectError }, name);
    t.is(error?.code, Code.FailedPrecondition, name);
    t.is(error?.rawMessage, 'orders: not today', name);
    t.is(error?.findDetails(ErrorInfoSchema)[0]?.reason, 'NOT_TODAY', name);
  }
  await server.close();
});

test('plain JSON by HTTP/1.1', async (t) => {
  const server = await serving();
  const url = `http://${server.address}/bakery.orders.v1.OrderService/GetOrder`;
  const post = (body: string) =>
    fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, keepalive: false });
  t.like(await (await post(JSON.stringify({ orderId }))).json(), { order: { orderId } });
  const broken = await post('{');
  t.is(broken.status, 400);
  t.like(await broken.json(), { code: 'invalid_argument' });
  t.is((await fetch(`http://${server.address}/nothing`)).status, 404);
  await server.close();
});

test('a request that breaks its contract is refused with the fields, and no secret', async (t) => {
  const server = await serving();
  const request = {
    idempotencyKey: 'k',
    customerId: 'x',
    items: [{ sku: 'ABC-1234', quantity: -3 }],
    currencyCode: 'XXX',
    cardNumber: '4111-secret',
  };
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const error = await t.throwsAsync(() => createClient(OrderService, transport).placeOrder(request), {
      instanceOf: ConnectError,
    });
    t.is(error?.code, Code.InvalidArgument, name);
    t.regex(error?.rawMessage ?? '', /items\[0\]\.quantity: .*99, not -3/, name);
    const violations = error?.findDetails(BadRequestSchema)[0]?.fieldViolations ?? [];
    t.deepEqual(
      violations.map(({ field }) => field).sort(),
      ['card_number', 'currency_code', 'customer_id', 'items[0].quantity'],
      name,
    );
    t.notRegex(JSON.stringify([error?.rawMessage, violations.map((v) => v.description)]), /4111|XXX/, name);
  }
  await server.close();
});

test('bytes that are no protobuf are INVALID_ARGUMENT', async (t) => {
  const server = await serving();
  const session = connectHttp2(`http://${server.address}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/bakery.orders.v1.OrderService/GetOrder',
    'content-type': 'application/grpc',
  });
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x0a, 0xff]));
  stream.resume();
  const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on('response', resolve));
  t.is(headers['grpc-status'], '3');
  session.destroy();
  await server.close();
});

test('a client stream is checked message by message and cancelled as a whole', async (t) => {
  const seen: string[] = [];
  const outcome = Promise.withResolvers<string>();
  const catalog = implement(CatalogService, {
    getProduct: () => ({}),
    batchGetProducts: () => ({}),
    listProducts: () => ({}),
    searchProducts: () => ({}),
    async importProducts(requests) {
      try {
        for await (const { product } of requests) seen.push(product?.sku ?? '');
        outcome.resolve('complete');
      } catch (error) {
        outcome.resolve(ConnectError.from(error).name);
        throw error;
      }
      return { created: BigInt(seen.length) };
    },
  });
  const server = await serving({ services: [catalog] });
  const c = client(CatalogService, { outbound: server.address });
  const cancelled = new AbortController();
  const first = {
    product: { sku: 'ABC-1234', name: 'n', category: 'tools', price: { currencyCode: 'EUR', units: 1n } },
  };
  const products = async function* () {
    yield first;
    await new Promise(() => {});
  };
  const call = c.importProducts(products(), { signal: cancelled.signal });
  while (seen.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  cancelled.abort();
  const error = await t.throwsAsync(call, { instanceOf: ConnectError });
  t.is(error?.code, Code.Canceled);
  t.not(await outcome.promise, 'complete');
  await server.close();
});

test('a unix socket, also where a killed process has left one', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'kit-'));
  const path = join(directory, 'a.sock');
  const listen = `unix:${path}`;
  const server = await serving({ listen });
  t.is(server.address, listen);
  const c = client(OrderService, { outbound: listen });
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
  await t.throwsAsync(() => serving({ listen }), { code: 'EADDRINUSE' });
  await server.close();
  const left = createNetServer().listen(path);
  await new Promise((resolve) => left.once('listening', resolve));
  left.close();
  await writeFile(join(directory, 'other'), '');
  const again = await serving({ listen });
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
  await again.close();
  await rm(directory, { recursive: true });
});

test('limits of messages and headers hold for every protocol', async (t) => {
  const server = await serving({ limits: { maxMessageBytes: 1_000 } });
  for (const [name, transport] of Object.entries(transports(server.address))) {
    const large = createClient(OrderService, transport).getOrder({ orderId: 'x'.repeat(1_000_000) });
    const error = await t.throwsAsync(large, { instanceOf: ConnectError }, name);
    t.is(error?.code, Code.ResourceExhausted, name);
  }
  const status = await new Promise((resolve, reject) => {
    const [host, port] = server.address.split(':');
    const request = httpRequest(
      {
        host,
        port,
        path: '/x',
        headers: Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-${i}`, 'y'])),
      },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    request.on('error', reject);
    request.end();
  });
  t.is(status, 431);
  t.is((await client(OrderService, { outbound: server.address }).getOrder({ orderId })).order?.orderId, orderId);
  await server.close();
});

test('compression that is not known is UNIMPLEMENTED, with what is; a caller that accepts only identity gets it', async (t) => {
  const server = await serving();
  const url = `http://${server.address}/bakery.orders.v1.OrderService/GetOrder`;
  const json = JSON.stringify({ orderId });
  const web = new Uint8Array(frameMessage(toBinary(GetOrderRequestSchema, create(GetOrderRequestSchema, { orderId }))));
  const post = async (headers: Record<string, string>, body: string | Uint8Array<ArrayBuffer>) => {
    const answer = await fetch(url, { method: 'POST', headers, body, keepalive: false });
    return {
      headers: answer.headers,
      status: answer.status,
      text: Buffer.from(await answer.arrayBuffer()).toString('latin1'),
    };
  };
  const connect = { 'content-type': 'application/json' };
  const refused = await post({ ...connect, 'content-encoding': 'snappy' }, json);
  t.is(refused.status, 501);
  t.regex(refused.text, /unimplemented/);
  t.regex(refused.headers.get('accept-encoding') ?? '', /gzip/);
  const plain = await post(
    { ...connect, 'content-encoding': 'gzip', 'accept-encoding': 'identity' },
    new Uint8Array(gzipSync(json)),
  );
  t.is(plain.status, 200);
  t.is(plain.headers.get('content-encoding'), null);
  t.like(JSON.parse(plain.text), { order: { orderId } });

  const grpcWeb = { 'content-type': 'application/grpc-web+proto' };
  const refusedWeb = await post({ ...grpcWeb, 'grpc-encoding': 'snappy' }, web);
  t.regex(refusedWeb.text, /grpc-status: 12/);
  t.regex(refusedWeb.headers.get('grpc-accept-encoding') ?? '', /gzip/);
  const plainWeb = await post({ ...grpcWeb, 'grpc-encoding': 'gzip', 'grpc-accept-encoding': 'identity' }, web);
  t.regex(plainWeb.text, /grpc-status: 0/);
  t.is(plainWeb.headers.get('grpc-encoding'), null);
  t.is(plainWeb.text.charCodeAt(0), 0);
  await server.close();
});
