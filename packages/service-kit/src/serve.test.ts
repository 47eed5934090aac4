import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createServer as createNetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { BadRequestSchema, ErrorInfoSchema } from '@weft/contracts/google/rpc/error_details';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@weft/contracts/grpc/health/v1/health';
import { ServerReflection, type ServerReflectionResponse } from '@weft/contracts/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@weft/contracts/grpc/reflection/v1alpha/reflection';
import { CatalogService } from '@weft/contracts/shop/catalog/v1/catalog';
import { OrderSchema, OrderService } from '@weft/contracts/shop/orders/v1/orders';
import test from 'ava';
import { client, currentCall, type Handlers, implement, type ServeOptions, ServiceError, serve } from './index.ts';

process.env.LOG_LEVEL = 'silent';

const orderId = '0199c1f0-7f2e-7000-8000-000000000001';

const orders: Handlers<typeof OrderService> = {
  placeOrder: (request) => ({ order: { orderId, customerId: request.customerId } }),
  getOrder(request, call) {
    call.responseHeaders.set('x-early', 'a');
    call.responseTrailers.set('x-late', 'b');
    return { order: { orderId: request.orderId, reason: call.caller } };
  },
  listOrders() {
    throw new ServiceError(Code.FailedPrecondition, 'orders: not today', {
      details: [{ desc: ErrorInfoSchema, value: { reason: 'NOT_TODAY', domain: 'test', metadata: {} } }],
      cause: new Error('secret'),
    });
  },
  async *watchOrder(request) {
    for (let i = 1n; i <= 3n; i++) yield { sequence: i, order: create(OrderSchema, { orderId: request.orderId }) };
  },
};

async function serving(options: Partial<ServeOptions> = {}) {
  return serve({ services: [implement(OrderService, orders)], listen: '127.0.0.1:0', drainMs: 0, ...options });
}

function transports(address: string): Record<string, Transport> {
  const baseUrl = `http://${address}`;
  return {
    gRPC: createGrpcTransport({ baseUrl }),
    'gRPC-Web, HTTP/1.1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'gRPC-Web, HTTP/2': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'Connect, HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    'Connect, HTTP/2': createConnectTransport({ baseUrl, httpVersion: '2' }),
    'Connect with JSON': createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  };
}

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
  const url = `http://${server.address}/shop.orders.v1.OrderService/GetOrder`;
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
    ':path': '/shop.orders.v1.OrderService/GetOrder',
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

test('the deadline and the cancellation of a call go on to what it calls', async (t) => {
  const hung = Promise.withResolvers<unknown>();
  const back = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(_request, call) {
          call.signal.addEventListener('abort', () => hung.resolve(call.signal.reason));
          if (call.requestHeaders.has('x-warm-up')) return {};
          t.true((call.remainingMs() ?? Number.POSITIVE_INFINITY) <= 2_000);
          t.is(call.requestHeaders.get('x-own'), 'yes');
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
          names.push(call.caller);
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
    { headers: { 'x-forwarded-client-cert': 'Hash=1;Subject="";URI=spiffe://weft.local/ns/shop/sa/catalog' } },
  );
  t.deepEqual(names, ['spiffe://weft.local/ns/shop/sa/catalog']);
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

test('SIGTERM drains and exits with 0; SIGINT and a second signal do not wait', async (t) => {
  const run = async ({ drainMs = 2_000 } = {}) => {
    const child = fork(new URL('./serve.fixture.ts', import.meta.url), [String(drainMs)], { silent: true });
    const [address] = (await once(child, 'message')) as [string];
    const c = createClient(OrderService, createGrpcTransport({ baseUrl: `http://${address}` }));
    const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${address}` }));
    t.is((await health.check({})).status, ServingStatus.SERVING);
    return { child, c, health, exited: once(child, 'exit') };
  };
  const patient = await run();
  patient.child.kill('SIGTERM');
  for (;;) if ((await patient.health.check({})).status === ServingStatus.NOT_SERVING) break;
  t.truthy(await patient.c.listOrders({ customerId: orderId }));
  t.deepEqual(await patient.exited, [0, null]);

  const interrupted = await run({ drainMs: 3_600_000 });
  interrupted.child.kill('SIGINT');
  t.deepEqual(await interrupted.exited, [0, null]);

  const hurried = await run();
  hurried.child.kill('SIGTERM');
  for (;;) if ((await hurried.health.check({})).status === ServingStatus.NOT_SERVING) break;
  hurried.child.kill('SIGTERM');
  t.deepEqual(await hurried.exited, [143, null]);
});

test('health tells what the checks and the drain say', async (t) => {
  let broken = false;
  const server = await serving({
    drainMs: 2_000,
    checks: {
      async database() {
        if (broken) throw new Error('away');
      },
    },
  });
  const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${server.address}` }));
  t.is((await health.check({})).status, ServingStatus.SERVING);
  t.is((await health.check({ service: 'shop.orders.v1.OrderService' })).status, ServingStatus.SERVING);
  t.is((await t.throwsAsync(() => health.check({ service: 'x' }), { instanceOf: ConnectError }))?.code, Code.NotFound);
  t.is((await health.list({})).statuses['']?.status, ServingStatus.SERVING);
  const watched: number[] = [];
  const ended = (async () => {
    for await (const { status } of health.watch({})) watched.push(status);
  })().catch(() => {});
  while (watched.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  broken = true;
  while (watched.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  broken = false;
  while (watched.length < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  t.deepEqual(watched, [ServingStatus.SERVING, ServingStatus.NOT_SERVING, ServingStatus.SERVING]);
  const c = createClient(OrderService, createGrpcTransport({ baseUrl: `http://${server.address}` }));
  await c.getOrder({ orderId });
  const closed = server.close();
  t.true(server.draining);
  t.is((await health.check({})).status, ServingStatus.NOT_SERVING);
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
  await closed;
  await ended;
});

test('a check that hangs has failed', async (t) => {
  const server = await serving({ checks: { database: () => new Promise(() => {}) } });
  const health = createClient(Health, createGrpcTransport({ baseUrl: `http://${server.address}` }));
  t.is((await health.check({})).status, ServingStatus.NOT_SERVING);
  await server.close();
});

test('close() lets calls end and takes no new ones', async (t) => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        async getOrder() {
          entered.resolve();
          await release.promise;
          return { order: { orderId } };
        },
      }),
    ],
  });
  const running = createClient(OrderService, createGrpcTransport({ baseUrl: `http://${server.address}` })).getOrder({
    orderId,
  });
  await entered.promise;
  let done = false;
  const closed = server.close().then(() => {
    done = true;
  });
  for (;;) {
    const late = createClient(OrderService, createGrpcTransport({ baseUrl: `http://${server.address}` }));
    const refused = await late
      .watchOrder({ orderId })
      [Symbol.asyncIterator]()
      .next()
      .catch((error) => error);
    if (refused instanceof ConnectError) break;
  }
  t.false(done);
  release.resolve();
  t.is((await running).order?.orderId, orderId);
  await closed;
});

test('close() ends what does not end by itself with UNAVAILABLE, in every protocol', async (t) => {
  let entered = 0;
  const server = await serving({
    finishMs: 20,
    services: [
      implement(OrderService, {
        ...orders,
        getOrder() {
          entered += 1;
          return new Promise(() => {});
        },
      }),
    ],
  });
  const calls = Object.entries(transports(server.address)).map(async ([name, transport]) => {
    const error = await t.throwsAsync(createClient(OrderService, transport).getOrder({ orderId }), {
      instanceOf: ConnectError,
    });
    t.is(error?.code, Code.Unavailable, name);
  });
  while (entered < calls.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await server.close();
  await Promise.all(calls);
});

test('reflection in both versions finds services, symbols, files and extensions', async (t) => {
  const server = await serving();
  const transport = createGrpcTransport({ baseUrl: `http://${server.address}` });
  for (const reflection of [ServerReflection, ServerReflectionAlpha]) {
    const ask = async function* () {
      yield { messageRequest: { case: 'listServices', value: '' } } as const;
      yield {
        messageRequest: { case: 'fileContainingSymbol', value: 'shop.orders.v1.OrderService.GetOrder' },
      } as const;
      yield { messageRequest: { case: 'fileByFilename', value: 'google/api/http.proto' } } as const;
      yield { messageRequest: { case: 'fileContainingSymbol', value: 'no.Such' } } as const;
      yield {
        messageRequest: {
          case: 'fileContainingExtension',
          value: { containingType: 'google.protobuf.FieldOptions', extensionNumber: 50_717 },
        },
      } as const;
    };
    const replies: ServerReflectionResponse['messageResponse'][] = [];
    for await (const reply of createClient(reflection, transport).serverReflectionInfo(ask()))
      replies.push(reply.messageResponse as ServerReflectionResponse['messageResponse']); // The same fields in both.
    const [services, symbol, file, unknown, extension] = replies;
    t.true(
      services?.case === 'listServicesResponse' &&
        services.value.service.some(({ name }) => name === 'shop.orders.v1.OrderService'),
    );
    const names = symbol?.case === 'fileDescriptorResponse' ? symbol.value.fileDescriptorProto : [];
    const files = names.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
    t.is(files.at(-1), 'shop/orders/v1/orders.proto');
    t.true(files.includes('buf/validate/validate.proto'));
    t.is(file?.case, 'fileDescriptorResponse');
    t.true(unknown?.case === 'errorResponse' && unknown.value.errorCode === Code.NotFound);
    t.is(extension?.case, 'fileDescriptorResponse');
  }
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
