import { Code, type ConnectError } from '@connectrpc/connect';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { type Client, client, implement, repeatable, type Server, serve } from '@weft/service-kit';
import { startTestDatabase, type TestDatabase } from '@weft/service-kit/testing';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import anyTest, { type TestFn } from 'ava';
import { freePorts } from './testing/free-ports.ts';
import { until } from './testing/running-control-plane.ts';
import { type RunningMesh, runMesh } from './testing/running-mesh.ts';

// Deadlines of calls and times of streams, with a service of the kit on PostgreSQL behind its sidecar. A stream of ten minutes
// beside calls of 15 s at most is here one of 4 s beside calls of 100 ms at most: a fortieth of the time.

interface Context {
  readonly mesh: RunningMesh;
  readonly database: TestDatabase;
  readonly server: Server;
  readonly orders: Client<typeof OrderService>;
  /** Streams of which the application was told that they are over. */
  readonly ended: string[];
}

const test = anyTest as TestFn<Context>;
const orderId = '0190a5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const restingId = 'ffffa5f4-3c5e-7c5e-8c5e-0190a5f43c5e';
const callers = { names: ['bakery.front'] };
const milliseconds = (ms: number) => ({ seconds: BigInt(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1e6 });

test.before(async (t) => {
  const mesh = await runMesh();
  // At once, so that it ends also when what follows fails.
  Object.assign(t.context, { mesh });
  const database = await startTestDatabase({ schema: 'orders' });
  Object.assign(t.context, { database });
  const [frontIn, frontOut, ordersIn] = await freePorts(3);
  let orders = withPolicy(descriptorSet('bakery.orders'), 'GetOrder', { callers, deadline: milliseconds(100) });
  orders = withPolicy(orders, 'ListOrders', { callers, deadline: milliseconds(60_000), retry: undefined });
  orders = withPolicy(orders, 'WatchOrder', { callers, idleTimeout: milliseconds(1000) });
  const front = tinyContract('bakery.front', { Call: {} });
  const directory = new MeshDirectory()
    .contract('bakery', 'orders', orders)
    .contract('bakery', 'front', front)
    .service('orders')
    .service('front')
    .replica('orders-0', {
      contract: contractHash(orders),
      inbound: `127.0.0.1:${ordersIn}`,
      application: `unix:${mesh.dir}/orders`,
    })
    .replica('front-0', {
      contract: contractHash(front),
      inbound: `127.0.0.1:${frontIn}`,
      application: `unix:${mesh.dir}/front`,
      outbound: `127.0.0.1:${frontOut}`,
    });
  const ended: string[] = [];
  const sleep = async () => {
    await database.db.query('select pg_sleep(600)');
    return {};
  };
  const server = await serve({
    name: 'bakery.orders',
    listen: `unix:${mesh.dir}/orders`,
    drainMs: 0,
    services: [
      implement(OrderService, {
        placeOrder: repeatable(() => ({})),
        getOrder: sleep,
        listOrders: sleep,
        async *watchOrder(request, call) {
          for (let sequence = 1n; sequence <= 20n; sequence++) {
            yield { order: { orderId: request.orderId }, sequence };
            if (request.orderId === restingId && sequence === 2n) {
              await new Promise((resolve) => call.signal.addEventListener('abort', resolve));
              ended.push(request.orderId);
            }
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
        },
      }),
    ],
  });
  Object.assign(t.context, { server });
  await mesh.update(directory);
  await mesh.startProxy('bakery/orders-0');
  await mesh.startProxy('bakery/front-0');
  const caller = client(OrderService, { outbound: `127.0.0.1:${frontOut}` });
  Object.assign(t.context, { mesh, database, server, ended, orders: caller });
});

test.after.always(async (t) => {
  await t.context.mesh?.stop();
  await t.context.server?.close();
  await t.context.database?.remove();
});

async function queries(t: { context: Context }): Promise<number> {
  const { rows } = await t.context.database.db.query<{ count: bigint }>(
    `select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep%' and pid <> pg_backend_pid()`,
  );
  return Number(rows[0]?.count);
}

test.serial("the contract's deadline: DEADLINE_EXCEEDED, and the query on PostgreSQL is cancelled", async (t) => {
  const error = await t.throwsAsync<ConnectError>(t.context.orders.getOrder({ orderId }));
  t.is(error.code, Code.DeadlineExceeded);
  await until(async () => (await queries(t)) === 0);
});

test.serial('a caller that asked for less has it, and the query on PostgreSQL is cancelled', async (t) => {
  // The sidecars and not the client end it: the client would by itself wait for a minute. The query is looked for every 20 ms, and has
  // to be seen before its end on a busy machine, too.
  const headers = { 'grpc-timeout': '2000m' };
  const customerId = orderId;
  const call = t.throwsAsync<ConnectError>(t.context.orders.listOrders({ customerId }, { headers }));
  await until(async () => (await queries(t)) === 1);
  t.is((await call).code, Code.DeadlineExceeded);
  await until(async () => (await queries(t)) === 0);
});

test.serial('a caller that hangs up cancels the query on PostgreSQL', async (t) => {
  const stop = new AbortController();
  const call = t.throwsAsync(t.context.orders.listOrders({ customerId: orderId }, { signal: stop.signal }));
  await until(async () => (await queries(t)) === 1);
  stop.abort();
  await call;
  await until(async () => (await queries(t)) === 0);
});

test.serial('a stream lives forty times as long as a call may take', async (t) => {
  const sequences: bigint[] = [];
  for await (const { sequence } of t.context.orders.watchOrder({ orderId })) sequences.push(sequence);
  t.is(sequences.length, 20);
});

test.serial('a stream on which nothing moves ends as the contract says', async (t) => {
  const sequences: bigint[] = [];
  const error = await t.throwsAsync<ConnectError>(async () => {
    for await (const { sequence } of t.context.orders.watchOrder({ orderId: restingId })) sequences.push(sequence);
  });
  t.is(sequences.length, 2);
  // After the headers of an answer Envoy can only reset the stream, which gRPC has as INTERNAL.
  t.is(error.code, Code.Internal);
  await until(() => t.context.ended.length === 1);
});
