import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as ServingStatus } from '@weft/api/grpc/health/v1/health';
import { ServerReflection } from '@weft/api/grpc/reflection/v1/reflection';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
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
  t.is((await health.check({ service: 'bakery.orders.v1.OrderService' })).status, ServingStatus.SERVING);
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

test('streams that only watch or wait to be asked end as soon as the drain begins', async (t) => {
  const server = await serving({ drainMs: 20, finishMs: 20_000 });
  const address = `http://${server.address}`;
  const health = createClient(Health, createGrpcTransport({ baseUrl: address }));
  const open: Promise<unknown>[] = [];
  const all = async (statuses: AsyncIterable<{ status: ServingStatus }>, began: () => void) => {
    const seen: ServingStatus[] = [];
    for await (const { status } of statuses) {
      seen.push(status);
      began();
    }
    return seen;
  };
  const watched: Record<string, Promise<ServingStatus[]>> = {};
  for (const service of ['', 'bakery.orders.v1.OrderService', 'not.Known']) {
    const began = Promise.withResolvers<void>();
    watched[service] = all(health.watch({ service }), began.resolve);
    await began.promise;
  }
  for (const transport of [
    createGrpcTransport({ baseUrl: address }),
    createConnectTransport({ baseUrl: address, httpVersion: '2' }),
  ]) {
    const began = Promise.withResolvers<void>();
    const requests = async function* () {
      yield { messageRequest: { case: 'listServices' as const, value: '' } };
      await new Promise(() => {});
    };
    const asking = async () => {
      const answers = createClient(ServerReflection, transport).serverReflectionInfo(requests());
      for await (const _ of answers) began.resolve();
    };
    open.push(asking());
    await began.promise;
  }
  await server.close();
  await Promise.all(open);
  t.deepEqual(await watched[''], [ServingStatus.SERVING, ServingStatus.NOT_SERVING]);
  t.deepEqual(await watched['not.Known'], [ServingStatus.SERVICE_UNKNOWN]);
  t.is((await watched['bakery.orders.v1.OrderService'])?.at(-1), ServingStatus.NOT_SERVING);
});
