import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withServicePolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { client, implement, repeatable, type Server, serve } from '@weft/service-kit';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// What the kit, two sidecars and the edge take together: open streams beyond one connection, and large headers.

interface Context {
  readonly mesh: RunningMesh;
  readonly server: Server;
  readonly outbound: string;
  readonly edge: string;
  readonly application: string;
}

const test = anyTest as TestFn<Context>;
const orderId = '0199c1f0-7f2e-7000-8000-000000000001';

test.before(async (t) => {
  const mesh = await runMesh();
  const [ordersIn, callerIn, callerOut, edgePort] = await freePorts(4);
  const application = `unix:${mesh.dir}/orders.app`;
  const edge = `127.0.0.1:${edgePort}`;
  const directory = new MeshDirectory();
  const orders = withServicePolicy(descriptorSet('bakery.orders'), { callers: ['bakery.catalog'] });
  const catalog = descriptorSet('bakery.catalog');
  directory.contract('bakery', 'bakery.orders', orders).service('orders');
  directory.contract('bakery', 'bakery.catalog', catalog).service('catalog');
  directory
    .replica('orders-0', { contract: contractHash(orders), inbound: `127.0.0.1:${ordersIn}`, application })
    .replica('catalog-0', {
      contract: contractHash(catalog),
      inbound: `127.0.0.1:${callerIn}`,
      application: `unix:${mesh.dir}/nobody`,
      outbound: `127.0.0.1:${callerOut}`,
    })
    .edge(edge);
  const server = await serve({
    name: 'bakery.orders',
    listen: application,
    drainMs: 0,
    finishMs: 100,
    services: [
      implement(OrderService, {
        placeOrder: repeatable(() => ({})),
        listOrders: () => ({}),
        getOrder: () => ({ order: { orderId } }),
        async *watchOrder(_, call) {
          yield { sequence: 1n, order: { orderId } };
          await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
        },
      }),
    ],
  });
  await mesh.update(directory);
  for (const id of ['bakery/orders-0', 'bakery/catalog-0', 'weft/edge-0'] as const) await mesh.startProxy(id);
  t.context = { mesh, server, outbound: `127.0.0.1:${callerOut}`, edge, application };
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  await t.context.server?.close();
});

test.serial('1,300 streams that one service holds open leave room for more calls', async (t) => {
  const orders = client(OrderService, { outbound: t.context.outbound });
  await orders.getOrder({ orderId }, { deadlineMs: 10_000 });
  const abort = new AbortController();
  let open = 0;
  const watches = Array.from({ length: 1_300 }, async () => {
    for await (const _ of orders.watchOrder({ orderId }, { signal: abort.signal })) open += 1;
  });
  const ended = Promise.allSettled(watches);
  const began = performance.now();
  while (open < watches.length && performance.now() - began < 20_000)
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(open, watches.length);
  t.is((await orders.getOrder({ orderId }, { deadlineMs: 5_000 })).order?.orderId, orderId);
  abort.abort();
  await ended;
  t.is((await orders.getOrder({ orderId }, { deadlineMs: 5_000 })).order?.orderId, orderId);
});

async function withHeader(address: string, bytes: number, json = false): Promise<IncomingHttpHeaders> {
  const session = connectHttp2(`http://${address}`, { settings: {}, maxSendHeaderBlockLength: 1 << 20 });
  session.on('error', () => {});
  const stream = session.request({
    ':method': 'POST',
    ':path': '/bakery.orders.v1.OrderService/GetOrder',
    ':authority': 'bakery.orders',
    'content-type': json ? 'application/json' : 'application/grpc',
    'grpc-timeout': '5S',
    te: 'trailers',
    'x-large': 'x'.repeat(bytes),
  });
  stream.on('error', () => {});
  const answer = await new Promise<IncomingHttpHeaders>((resolve) => {
    let headers: IncomingHttpHeaders = {};
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (trailers) => {
      headers = { ...headers, ...trailers };
    });
    stream.on('close', () => resolve(headers));
    stream.resume();
    stream.end(Buffer.from([0, 0, 0, 0, 38, 10, 36, ...Buffer.from(orderId)]));
  });
  session.destroy();
  return answer;
}

test.serial('headers that one hop takes, all hops take; above that they are refused with an answer', async (t) => {
  const { edge, outbound } = t.context;
  for (const bytes of [1_000, 30_000, 31_500, 32_200, 50_000, 58_000])
    t.is((await withHeader(outbound, bytes))['grpc-status'], '0', `sidecar ${bytes}`);
  for (const bytes of [61_500, 62_000, 64_500, 70_000]) {
    const answer = await withHeader(outbound, bytes);
    t.true(
      answer['grpc-status'] === '8' || Number(answer[':status']) === 431,
      `sidecar ${bytes}: ${JSON.stringify(answer)}`,
    );
  }
  for (const bytes of [1_000, 30_000, 31_500, 32_200, 50_000])
    t.is((await withHeader(edge, bytes))['grpc-status'], '0', `edge ${bytes}`);
  for (const bytes of [61_500, 62_000]) {
    const answer = await withHeader(edge, bytes);
    t.true(
      answer['grpc-status'] === '8' || Number(answer[':status']) === 431,
      `edge ${bytes}: ${JSON.stringify(answer)}`,
    );
  }
});
