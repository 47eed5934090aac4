import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@weft/api/grpc/health/v1/health';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { implement } from './index.ts';
import { orderId, orders, serving, transports } from './order-server.fixture.ts';

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
