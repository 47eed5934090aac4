import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@weft/contracts/grpc/health/v1/health';
import { OrderService } from '@weft/contracts/shop/orders/v1/orders';
import test from 'ava';
import { orderId, serving } from './order-server.fixture.ts';

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
