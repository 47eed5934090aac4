import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { PlaceOrderRequestSchema } from '@shop/orders-contract/v1';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, shopAt } from '../shop.ts';

let mesh: Mesh;
let pids: readonly (number | undefined)[];
test.before(async () => {
  mesh = await takeMesh();
  pids = (await mesh.status()).supervisor.replicas.flatMap((replica) => [replica.pid, replica.envoyPid]);
});
test.after.always(() => mesh?.stop());
test.afterEach('no process has crashed, and orders are taken', async (t) => {
  const now = (await mesh.status()).supervisor.replicas.flatMap((replica) => [replica.pid, replica.envoyPid]);
  t.deepEqual(now, pids);
});

/** One raw gRPC request through the edge: its grpc-status and message, or the HTTP status. */
function raw(body: Buffer, headers: Record<string, string> = {}): Promise<{ status: string; message: string }> {
  return new Promise((resolve) => {
    const session = connect(mesh.edge, { settings: { maxHeaderListSize: 64 << 20 } });
    const done = (status: unknown, message: unknown) => {
      session.destroy();
      resolve({ status: String(status), message: decodeURIComponent(String(message ?? '')) });
    };
    session.on('error', (error) => done('connection', error.message));
    const stream = session.request({
      ':method': 'POST',
      ':path': '/shop.orders.v1.OrderService/PlaceOrder',
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
    const look = (received: Record<string, unknown>) => {
      if (received['grpc-status'] !== undefined) done(received['grpc-status'], received['grpc-message']);
      else if (received[':status'] !== undefined && received[':status'] !== 200)
        done(`http ${received[':status']}`, '');
    };
    stream.on('response', look).on('trailers', look);
    stream.on('error', (error) => done('stream', error.message));
    stream.resume();
    stream.end(body);
  });
}

function framed(message: Uint8Array, flags = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flags;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** The error that a call must end with. */
async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    return ConnectError.from(error);
  }
  throw new Error('the call was accepted');
}

test.serial('malformed protobuf', async (t) => {
  const { status, message } = await raw(framed(new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0x7f])));
  t.true(['3', '13'].includes(status), `${status} ${message}`);
  t.not(message, '');
  const short = await raw(Buffer.from([0, 0, 0, 0, 99, 1]));
  t.true(['3', '13'].includes(short.status), `${short.status} ${short.message}`);
  const response = await fetch(`${mesh.edge}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"items": [',
  });
  t.is(response.status, 400);
});

test.serial('a message of 10 MB', async (t) => {
  const { status, message } = await raw(framed(Buffer.alloc(10 << 20, 0x20)));
  t.is(status, '8', message);
  const response = await fetch(`${mesh.edge}/v1/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ idempotencyKey: 'x'.repeat(10 << 20) }),
  });
  t.is(response.status, 413);
});

test.serial('10,000 headers', async (t) => {
  const headers = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`x-h-${i}`, 'v']));
  const { status } = await raw(framed(new Uint8Array()), headers);
  t.true(['http 431', 'stream', '8'].includes(status), status);
  const http1 = await new Promise<number>((resolve) => {
    const call = httpRequest(`${mesh.edge}/v1/products`, { headers }, (response) => resolve(response.statusCode ?? 0));
    call.on('error', () => resolve(0));
    call.end();
  });
  t.is(http1, 431);
});

const refused: readonly (readonly [
  what: string,
  change: MessageInitShape<typeof PlaceOrderRequestSchema>,
  field: RegExp,
])[] = [
  ['a negative quantity', { items: [{ sku: 'WFT-0001', quantity: -1 }] }, /quantity/],
  ['a quantity of 0', { items: [{ sku: 'WFT-0001', quantity: 0 }] }, /quantity/],
  ['an unknown currency', { currencyCode: 'XXX' }, /currency_code/],
  [
    'the same SKU twice',
    {
      items: [
        { sku: 'WFT-0001', quantity: 1 },
        { sku: 'WFT-0001', quantity: 1 },
      ],
    },
    /items/,
  ],
  ['no items', { items: [] }, /items/],
  ['a card that is none', { cardNumber: '12ab' }, /card_number/],
  ['an id that is none', { customerId: "1' or '1'='1" }, /customer_id/],
];

for (const [what, change, field] of refused) {
  test.serial(`${what} is INVALID_ARGUMENT with the field's name`, async (t) => {
    const error = await refusal(shopAt(mesh.edge).orders.placeOrder({ ...goodOrder(), ...change }));
    t.is(error.code, Code.InvalidArgument, error.message);
    t.regex(error.rawMessage, field);
    t.notRegex(error.rawMessage, /12ab/);
  });
}

test.serial('a small request that inflates to 200,000 items is refused, and takes no memory', async (t) => {
  const { replicas } = (await mesh.status()).supervisor;
  const orders = replicas.find(({ name }) => name.includes('orders'))?.pid;
  const residentMb = () => {
    const [, kilobytes] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${orders}/status`, 'utf8')) ?? [];
    return Number(kilobytes) / 1024;
  };
  const bombs = [Buffer.alloc(400_000, Buffer.from([0x1a, 0])), Buffer.alloc(4_000_000, Buffer.from([0x1a, 0]))];
  await raw(framed(gzipSync(bombs[0] ?? ''), 1), { 'grpc-encoding': 'gzip' });
  const before = process.platform === 'linux' ? residentMb() : 0;
  for (let turn = 0; turn < 20; turn++)
    for (const bomb of bombs) {
      const { status } = await raw(framed(gzipSync(bomb), 1), { 'grpc-encoding': 'gzip' });
      t.is(status, String(Code.ResourceExhausted));
    }
  if (process.platform === 'linux') t.true(residentMb() - before < 64, `${before} MiB, then ${residentMb()} MiB`);
});

test.serial('SQL in a search string finds nothing and harms nothing', async (t) => {
  const { catalog } = shopAt(mesh.edge);
  for (const query of ["'; drop table products; --", "a' or '1'='1", '%_\\', '!!! & | :*', '\u0000']) {
    const answer = await catalog.searchProducts({ query }).then(
      ({ products }) => products.length,
      (error) => ConnectError.from(error).code,
    );
    t.true(answer === 0 || answer === Code.InvalidArgument, `${query}: ${answer}`);
  }
  t.is((await catalog.listProducts({ pageSize: 200 })).products.length, 200);
});

test.serial('a page token that was made up is INVALID_ARGUMENT', async (t) => {
  const error = await refusal(shopAt(mesh.edge).catalog.listProducts({ pageToken: 'AAAA' }));
  t.is(error.code, Code.InvalidArgument, error.message);
  t.is((await refusal(shopAt(mesh.edge).orders.getOrder({ orderId: randomUUID() }))).code, Code.NotFound);
});
