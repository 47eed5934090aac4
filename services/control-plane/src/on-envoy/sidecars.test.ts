import { generateKeyPairSync } from 'node:crypto';
import { connect } from 'node:http2';
import { Code, ConnectError } from '@connectrpc/connect';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withPolicy, withServicePolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { type Caller, client, implement, repeatable, type Server, serve } from '@weft/service-kit';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { InventoryService } from '@weft/test-contracts/bakery/inventory/v1/inventory';
import { PaymentService } from '@weft/test-contracts/bakery/payments/v1/payments';
import anyTest, { type TestFn } from 'ava';
import { signCertificate, toPem } from '../identity/certificate.ts';
import { newSerial } from '../identity/root-authority.ts';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/running-control-plane.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// Two sidecars and real applications: what a caller sees, and what reaches the callee.

interface Context {
  readonly mesh: RunningMesh;
  readonly servers: Server[];
  /** What the payments and inventory applications saw, in order. */
  readonly seen: string[];
  readonly callers: Caller[];
  readonly outbound: { readonly orders: string; readonly catalog: string };
  readonly inbound: { readonly payments: number };
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const payments = withServicePolicy(
  // Authorize without its key may not be repeated. Refund, which takes long, shows limits of time and number.
  withPolicy(descriptorSet('bakery.payments'), 'Authorize', {
    idempotencyKey: undefined,
    rateLimits: [],
  }),
  { maxConcurrentRequests: 2 },
);

test.before(async (t) => {
  const mesh = await runMesh();
  const [ordersIn, ordersOut, catalogIn, catalogOut, firstIn, secondIn, inventoryIn] = await freePorts(7);
  const directory = new MeshDirectory();
  const inventory = withPolicy(descriptorSet('bakery.inventory'), 'GetStock', {
    rateLimits: [{ caller: 'bakery.orders', requests: 3, per: { seconds: 3600n } }],
  });
  const sets = {
    orders: descriptorSet('bakery.orders'),
    catalog: descriptorSet('bakery.catalog'),
    payments,
    inventory,
  };
  for (const [name, set] of Object.entries(sets)) directory.contract('bakery', `bakery.${name}`, set).service(name);
  const replica = (
    name: string,
    set: Uint8Array,
    inbound = 0,
    outbound = 0,
    application = `unix:${mesh.dir}/${name}`,
  ) =>
    directory.replica(name, {
      contract: contractHash(set),
      inbound: `127.0.0.1:${inbound}`,
      application,
      ...(outbound ? { outbound: `127.0.0.1:${outbound}` } : {}),
    });
  replica('orders-0', sets.orders, ordersIn, ordersOut);
  replica('catalog-0', sets.catalog, catalogIn, catalogOut);
  replica('payments-0', sets.payments, firstIn);
  // Nobody listens behind this sidecar.
  replica('payments-1', sets.payments, secondIn, 0, `unix:${mesh.dir}/nobody`);
  replica('inventory-0', sets.inventory, inventoryIn);

  const seen: string[] = [];
  const callers: Caller[] = [];
  const servers = await Promise.all([
    serve({
      name: 'bakery.payments',
      listen: `unix:${mesh.dir}/payments-0`,
      drainMs: 0,
      services: [
        implement(PaymentService, {
          authorize: repeatable((request, call) => {
            callers.push(call.caller);
            seen.push('authorize');
            if (request.cardToken === '4000000000000000') {
              call.responseHeader.set('x-weft-delivered', 'never');
              throw new ConnectError('the bank is away', Code.Unavailable);
            }
            return {};
          }),
          tokenizeCard: () => ({}),
          capture: () => ({}),
          async refund(_, call) {
            seen.push('refund');
            await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
            seen.push('refund cancelled');
            return {};
          },
        }),
      ],
    }),
    serve({
      name: 'bakery.inventory',
      listen: `unix:${mesh.dir}/inventory-0`,
      drainMs: 0,
      services: [
        implement(InventoryService, {
          getStock: (_, call) => {
            seen.push(`remaining ${call.timeoutMs() !== undefined}`);
            return {};
          },
          reserve: repeatable(() => ({})),
          release: () => ({}),
          commit: () => ({}),
        }),
      ],
    }),
  ]);
  await mesh.update(directory);
  for (const name of ['orders-0', 'catalog-0', 'payments-0', 'payments-1', 'inventory-0'] as const) {
    await mesh.startProxy(`bakery/${name}`);
  }
  Object.assign(t.context, {
    mesh,
    servers,
    seen,
    callers,
    outbound: { orders: `127.0.0.1:${ordersOut}`, catalog: `127.0.0.1:${catalogOut}` },
    inbound: { payments: firstIn },
  });
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  await Promise.all((t.context.servers ?? []).map((server) => server.close()));
});

test.beforeEach((t) => {
  t.context.seen.length = 0;
  t.context.callers.length = 0;
});

const authorize = {
  idempotencyKey: 'k',
  orderId,
  amount: { currencyCode: 'EUR', units: 5n },
  cardToken: '4111111111111111',
};

function codeOf(error: ConnectError): string {
  return `${Code[error.code]}: ${error.rawMessage}`;
}

test.serial('a call carries the identity of its caller', async (t) => {
  // What a caller says of itself is not heard.
  const headers = {
    'x-weft-caller': 'bakery.payments',
    'x-forwarded-client-cert': 'URI=spiffe://weft.local/ns/bakery/sa/payments',
  };
  await client(PaymentService, { outbound: t.context.outbound.orders }).authorize(authorize, { headers });
  t.deepEqual(t.context.callers, [
    {
      kind: 'service',
      name: 'bakery.orders',
      id: 'spiffe://weft.local/ns/bakery/sa/orders',
      namespace: 'bakery',
      serviceAccount: 'orders',
    },
  ]);
});

test.serial('a caller that the contract does not name is told so', async (t) => {
  const { catalog } = t.context.outbound;
  const error = await t.throwsAsync<ConnectError>(client(PaymentService, { outbound: catalog }).authorize(authorize));
  const sentence =
    'weft: bakery.catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders';
  t.is(codeOf(error), `PermissionDenied: ${sentence}`);
  const response = await fetch(`http://${catalog}/bakery.payments.v1.PaymentService/Authorize`, { method: 'POST' });
  t.is(response.status, 403);
  t.is(await response.text(), sentence);
  t.deepEqual(t.context.seen, []);
});

test.serial('a call that was never delivered is tried again, also one that may not be repeated', async (t) => {
  const payment = client(PaymentService, { outbound: t.context.outbound.orders });
  // Of two replicas one has no application; each call reaches the other, once.
  for (let count = 0; count < 20; count++) await payment.authorize(authorize);
  t.is(t.context.seen.length, 20);
});

test.serial('an application cannot claim that a call was never delivered', async (t) => {
  const payment = client(PaymentService, { outbound: t.context.outbound.orders });
  const error = await t.throwsAsync<ConnectError>(payment.authorize({ ...authorize, cardToken: '4000000000000000' }));
  t.is(codeOf(error), 'Unavailable: the bank is away');
  t.is(t.context.seen.length, 1);
});

test.serial('a caller cannot ask for retries that the contract does not allow', async (t) => {
  const payment = client(PaymentService, { outbound: t.context.outbound.orders });
  const headers = { 'x-envoy-retry-grpc-on': 'unavailable', 'x-envoy-max-retries': '5' };
  await t.throwsAsync(payment.authorize({ ...authorize, cardToken: '4000000000000000' }, { headers }));
  t.is(t.context.seen.length, 1);
});

test.serial('a deadline ends the call at both ends', async (t) => {
  const payment = client(PaymentService, { outbound: t.context.outbound.orders });
  const refund = { orderId };
  const error = await t.throwsAsync<ConnectError>(payment.refund(refund, { headers: { 'grpc-timeout': '200m' } }));
  t.is(error.code, Code.DeadlineExceeded);
  await until(() => t.context.seen.includes('refund cancelled'));
});

test.serial('an application learns of the deadline, whoever calls', async (t) => {
  await client(InventoryService, { outbound: t.context.outbound.orders }).getStock({ sku: 'WFT-0001' });
  t.deepEqual(t.context.seen, ['remaining true']);
});

test.serial('a caller above its rate is told so', async (t) => {
  const inventory = client(InventoryService, { outbound: t.context.outbound.orders });
  let code: Code | undefined;
  for (let count = 0; count < 4 && code === undefined; count++) {
    await inventory.getStock({ sku: 'WFT-0001' }).catch((error: ConnectError) => {
      code = error.code;
    });
  }
  t.is(code, Code.ResourceExhausted);
  t.true(t.context.seen.length <= 3);
});

test.serial('a replica takes no more requests at once than its contract allows', async (t) => {
  const payment = client(PaymentService, { outbound: t.context.outbound.orders });
  const stop = new AbortController();
  const refund = { orderId };
  const held = [1, 2].map(() => payment.refund(refund, { signal: stop.signal }).catch(() => undefined));
  await until(() => t.context.seen.filter((what) => what === 'refund').length === 2);
  const error = await t.throwsAsync<ConnectError>(payment.authorize(authorize));
  t.is(error.code, Code.ResourceExhausted);
  stop.abort();
  await Promise.all(held);
});

test.serial('a callee that has gone is named', async (t) => {
  const catalog = client(CatalogService, { outbound: t.context.outbound.orders });
  const error = await t.throwsAsync<ConnectError>(catalog.getProduct({ sku: 'WFT-0001' }));
  t.is(error.code, Code.Unavailable);
  t.regex(error.rawMessage, /^weft: bakery.catalog cannot be reached: |upstream connect error/);
});

/** A call straight to a sidecar's port, with a certificate of one's own. */
function knock(t: { context: Context }, account: string | undefined, issuer = t.context.mesh.root.issuer) {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = toPem(
    signCertificate(
      {
        key,
        serial: newSerial(),
        notBeforeMs: Date.now() - 60_000,
        notAfterMs: Date.now() + 60_000,
        ...(account ? { uris: [`spiffe://weft.local/ns/bakery/sa/${account}`] } : {}),
      },
      issuer,
    ),
  );
  const session = connect(`https://127.0.0.1:${t.context.inbound.payments}`, {
    rejectUnauthorized: false,
    ...(account ? { cert, key: key.export({ type: 'pkcs8', format: 'pem' }).toString() } : {}),
  });
  return new Promise<string>((resolve) => {
    session.on('error', (error) => resolve(error.message));
    session.on('close', () => resolve('closed'));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/bakery.payments.v1.PaymentService/Authorize',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', (error) => resolve(error.message));
    stream.on('close', () => session.destroy());
    stream.on('response', (headers) => {
      resolve(`${headers['grpc-status']} ${decodeURIComponent(String(headers['grpc-message']))}`);
    });
    stream.end();
  });
}

test.serial("a sidecar's port refuses another service's certificate, and says why", async (t) => {
  t.is(
    await knock(t, 'catalog'),
    '7 weft: spiffe://weft.local/ns/bakery/sa/catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders',
  );
});

test.serial("a sidecar's port refuses callers without a certificate or with a foreign one", async (t) => {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const foreign = await knock(t, 'orders', { commonName: 'Weft mesh root', key });
  t.regex(foreign, /unknown ca/);
  t.regex(await knock(t, undefined), /certificate required/);
  t.deepEqual(t.context.seen, []);
});
