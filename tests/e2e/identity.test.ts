import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createSecureServer } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Code, ConnectError, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { CatalogService } from '@shop/catalog-contract/v1';
import { InventoryService } from '@shop/inventory-contract/v1';
import { OrderService } from '@shop/orders-contract/v1';
import { PaymentService } from '@shop/payments-contract/v1';
import { type ClientOptions, client } from '@weft/service-kit';
import { testMesh } from '@weft/service-kit/testing';
import test from 'ava';
import { freePort, type Mesh } from '../mesh.ts';
import { fetchSecrets, joinMesh } from '../proxy-identity.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodCard, goodOrder, grpcClient, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

const execute = promisify(execFile);

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

const authorization = (cardToken = 'of no card') => ({
  idempotencyKey: randomUUID(),
  orderId: '01890000-0000-7000-8000-000000000001',
  amount: { currencyCode: 'EUR', units: 1n },
  cardToken,
});

const sentence = (caller: string) =>
  `weft: ${caller} may not call shop.payments.v1.PaymentService/Authorize; its contract names shop.orders`;

/** As an application calls through its sidecar: by logical name. */
function throughSidecar(outbound: string) {
  return createClient(
    PaymentService,
    createGrpcTransport({ baseUrl: `http://${outbound}`, interceptors: [withHost('shop.payments')] }),
  );
}

const withHost =
  (host: string): Interceptor =>
  (next) =>
  (request) => {
    request.header.set('host', host);
    return next(request);
  };

function overTls(address: string, tls: { ca?: Buffer; cert?: Buffer; key?: Buffer }) {
  return createClient(
    PaymentService,
    createGrpcTransport({
      baseUrl: `https://${address}`,
      // The name in the certificate is a SPIFFE ID, which Node does not compare; the chain is checked.
      nodeOptions: { ...tls, checkServerIdentity: () => undefined },
    }),
  );
}

test('catalog calling payments is PERMISSION_DENIED, and the answer says what the contract names', async (t) => {
  const { outbound = '' } = await mesh.replica('catalog-0');
  const error = await t.throwsAsync(throughSidecar(outbound).authorize(authorization()), { instanceOf: ConnectError });
  t.is(error?.code, Code.PermissionDenied, error?.message);
  t.is(error?.rawMessage, sentence('shop.catalog'));
  const denial = await waitFor('the refusal in status', async () =>
    (await mesh.status()).denials?.find((one) => one.caller === 'shop.catalog' && one.method.endsWith('/Authorize')),
  );
  t.is(denial.message, sentence('shop.catalog'));
});

test('plain text at a sidecar is refused', async (t) => {
  const { inbound = '' } = await mesh.replica('payments-0');
  const error = await t.throwsAsync(grpcClient(PaymentService, `http://${inbound}`).authorize(authorization()), {
    instanceOf: ConnectError,
  });
  t.not(error?.code, Code.Internal);
  const [host = '', port] = inbound.split(':');
  const answer = await new Promise<string>((resolve) => {
    let text = '';
    const socket = connectTcp(Number(port), host, () => socket.write('GET /ready HTTP/1.1\r\nhost: a\r\n\r\n'));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('close', () => resolve(text));
    socket.on('error', () => resolve(text));
  });
  t.notRegex(answer, /HTTP\/1/);
});

test('a certificate of a foreign CA is refused, and so is none', async (t) => {
  const { inbound = '' } = await mesh.replica('payments-0');
  const root = await readFile(join(mesh.state, 'control-plane/root/root.pem'));
  const dir = await mkdtemp(join(tmpdir(), 'foreign-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const san = 'subjectAltName=URI:spiffe://weft.local/ns/shop/sa/orders';
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '1',
    '-subj',
    '/CN=orders',
  ];
  await execute('openssl', [
    ...request,
    '-addext',
    san,
    '-keyout',
    join(dir, 'key.pem'),
    '-out',
    join(dir, 'cert.pem'),
  ]);
  const foreign = { ca: root, cert: await readFile(join(dir, 'cert.pem')), key: await readFile(join(dir, 'key.pem')) };
  for (const tls of [foreign, { ca: root }]) {
    const error = await t.throwsAsync(overTls(inbound, tls).authorize(authorization()), { instanceOf: ConnectError });
    t.not(error?.code, Code.PermissionDenied, 'refused by TLS, before any policy');
  }
});

test("the certificate of another service at payments' sidecar is refused, that of orders is taken", async (t) => {
  const { inbound = '' } = await mesh.replica('payments-0');
  const asService = async (serviceAccount: string) => {
    const identity = await joinMesh(mesh, { name: `${serviceAccount}-probe`, serviceAccount });
    t.teardown(() => identity.leave());
    return overTls(inbound, { ca: identity.root, cert: identity.certificate, key: identity.key });
  };
  const error = await t.throwsAsync((await asService('catalog')).authorize(authorization()), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.PermissionDenied, error?.message);
  t.regex(
    error?.rawMessage ?? '',
    /may not call shop\.payments\.v1\.PaymentService\/Authorize; its contract names shop\.orders/,
  );
  const orders = await asService('orders');
  const { cardToken } = await orders.tokenizeCard({ cardNumber: goodCard });
  const { status } = await orders.authorize(authorization(cardToken));
  t.is(status, 1);
});

test('a callee that shows the certificate of another service gets no call', async (t) => {
  const impostor = await joinMesh(mesh, { name: 'impostor', serviceAccount: 'catalog' });
  let calls = 0;
  const server = createSecureServer({ cert: impostor.certificate, key: impostor.key });
  let handshakes = 0;
  server.on('secureConnection', () => handshakes++).on('tlsClientError', () => handshakes++);
  server.on('stream', (stream) => {
    calls++;
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '0' }, { endStream: true });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  // The mesh is told that it is a replica of inventory; it is not, by its certificate.
  const { inbound = '' } = await mesh.replica('inventory-0');
  t.truthy(inbound);
  const rogue = await joinMesh(mesh, {
    name: 'inventory-9',
    serviceAccount: 'inventory',
    labels: { app: 'inventory' },
    listen: `127.0.0.1:${port}`,
  });
  t.teardown(() => rogue.leave());
  t.teardown(() => impostor.leave());
  const { inventory } = shopAt(mesh.edge);
  await waitFor('the edge to try the impostor', async () => {
    await inventory.getStock({ sku: 'WFT-0001' }).catch(() => {});
    return handshakes > 0;
  });
  for (let i = 0; i < 20; i++) await inventory.getStock({ sku: 'WFT-0001' }).catch(() => {});
  t.is(calls, 0);
});

test("payments' Capture at the edge is UNIMPLEMENTED", async (t) => {
  const payments = grpcClient(PaymentService, mesh.edge);
  const error = await t.throwsAsync(payments.capture({ orderId: '01890000-0000-7000-8000-000000000001' }), {
    instanceOf: ConnectError,
  });
  t.is(error?.code, Code.Unimplemented, error?.message);
});

test('a made-up caller name or mesh header at the edge changes nothing', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const headers = {
    'x-forwarded-client-cert': 'URI=spiffe://weft.local/ns/shop/sa/orders',
    'x-weft-delivered': 'never',
    'x-weft-caller': 'shop.orders',
  };
  const { order } = await orders.placeOrder(goodOrder(), { headers });
  t.truthy(order?.orderId);
});

test("one workload's token gets no other workload's secrets", async (t) => {
  const token = await readFile(join(mesh.state, 'tokens/shop/catalog-0'), 'utf8');
  const { certificate } = await fetchSecrets(mesh, 'shop/catalog-0', token);
  t.true(certificate.length > 0, 'the token is known');
  for (const wrong of [token, 'not-a-token']) {
    await t.throwsAsync(fetchSecrets(mesh, 'shop/payments-0', wrong, 0), { message: /new proxy: (7|16): / });
  }
});

/** What became of a call by policy, whatever the service makes of it. */
async function outcome(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    const byPolicy: readonly Code[] = [Code.PermissionDenied, Code.Unimplemented, Code.InvalidArgument];
    if (byPolicy.includes(code)) return `${Code[code]}: ${rawMessage}`;
  }
  return 'admitted';
}

test('an error answer names its trace to callers outside, too', async (t) => {
  const { orders } = shopAt(mesh.edge);
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const headers = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
  const error = await t.throwsAsync(orders.getOrder({ orderId: 'x' }, { headers }), { instanceOf: ConnectError });
  t.is(error?.code, Code.InvalidArgument);
  t.is(error?.metadata.get('weft-trace-id'), traceId);
  const rest = await fetch(`${mesh.edge}/v1/orders/x`, { headers });
  t.is(rest.status, 400);
  t.is(rest.headers.get('weft-trace-id'), traceId);
});

test('a test mesh refuses what the mesh refuses, in its words', async (t) => {
  const services = [CatalogService, InventoryService, OrderService, PaymentService];
  const testing = await testMesh();
  for (const service of services) {
    const answers = service.methods.map(({ localName }) => [localName, () => ({})]);
    testing.fake(service, Object.fromEntries(answers));
  }
  const outbound = async (replica: string) => ({ outbound: (await mesh.replica(replica)).outbound ?? '' });
  const callers: readonly [string, ClientOptions][] = [
    ['shop.catalog', await outbound('catalog-0')],
    ['shop.orders', await outbound('orders-0')],
    ['shop.payments', await outbound('payments-0')],
    ['edge', { outbound: `127.0.0.1:${mesh.port}` }],
  ];
  const seen = new Set<string>();
  for (const service of services)
    for (const { name, localName, methodKind } of service.methods) {
      if (methodKind !== 'unary') continue;
      for (const [caller, options] of callers) {
        // An empty request breaks the rules of most methods, which nobody learns who may not call.
        const ask = (clients: object): Promise<unknown> => Reflect.get(clients, localName)({});
        const [real, tested] = await Promise.all([
          outcome(ask(client(service, options))),
          outcome(ask(testing.client(service, caller))),
        ]);
        t.is(tested, real, `${caller} ${service.typeName}/${name}`);
        seen.add(real.split(':', 1)[0] ?? '');
      }
    }
  t.deepEqual([...seen].sort(), ['InvalidArgument', 'PermissionDenied', 'Unimplemented', 'admitted']);
});
