import { randomUUID } from 'node:crypto';
import { OrderStatus } from '@shop/orders-contract/v1';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { goodOrder, shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

test.serial('a crashed service is named in one sentence and started again', async (t) => {
  const before = await mesh.replica('catalog-0');
  process.kill(before.pid ?? 0, 'SIGKILL');
  const after = await waitFor('catalog-0 to be back', async () => {
    const now = await mesh.replica('catalog-0');
    return now.ready && now.pid !== before.pid ? now : undefined;
  });
  t.not(after.pid, before.pid);
  t.regex(await mesh.log('up'), /catalog-0.*(SIGKILL|killed)/);
  // The edge learns of it a moment after the supervisor.
  const { product } = await waitFor('catalog to answer', () =>
    shopAt(mesh.edge).catalog.getProduct({ sku: 'WFT-0001' }),
  );
  t.is(product?.sku, 'WFT-0001');
});

test.serial(
  '1,000 GetProduct by 8 at once while one of three replicas is killed and another starts: none fails',
  async (t) => {
    await mesh.weft('scale', 'catalog=3');
    const { catalog } = shopAt(mesh.edge);
    const victim = (await mesh.replicas('catalog'))[1];
    t.truthy(victim?.pid);
    let done = 0;
    const failures: unknown[] = [];
    const worker = async () => {
      while (done + failures.length < 1000) {
        const sku = `WFT-${String(1 + ((done * 7) % 500)).padStart(4, '0')}`;
        await catalog.getProduct({ sku }).then(
          () => {
            done++;
          },
          (error) => failures.push(error),
        );
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, worker));
    await waitFor('a third of the calls', () => done > 300, { intervalMs: 2 });
    process.kill(victim?.pid ?? 0, 'SIGKILL');
    const scaled = mesh.weft('scale', 'catalog=4');
    await load;
    t.deepEqual(failures, []);
    await scaled;
    const fresh = (await mesh.replicas('catalog')).find((replica) => replica.name === 'catalog-3');
    t.truthy(fresh, 'the new replica is ready');
    // Calls reach the new one, and nobody was restarted for it.
    const calls = () => mesh.counter('catalog-3', /^http\.inbound.*downstream_rq_completed$/);
    await waitFor('calls at the new replica', async () => {
      await Promise.all(Array.from({ length: 16 }, () => catalog.getProduct({ sku: 'WFT-0001' })));
      return (await calls()) > 0;
    });
  },
);

test.serial('PlaceOrder while an orders replica is killed: none twice, none lost', async (t) => {
  await mesh.weft('scale', 'orders=2');
  const { orders } = shopAt(mesh.edge);
  const customerId = randomUUID();
  const victim = (await mesh.replicas('orders'))[0];
  const placed = new Map<string, string>();
  const failures: unknown[] = [];
  const total = 120;
  let started = 0;
  const worker = async () => {
    while (started < total) {
      started++;
      const request = goodOrder({ customerId, wait: false });
      await orders.placeOrder(request).then(
        ({ order }) => placed.set(request.idempotencyKey, order?.orderId ?? ''),
        (error) => failures.push(error),
      );
    }
  };
  const load = Promise.all(Array.from({ length: 8 }, worker));
  await waitFor('a quarter of the orders', () => placed.size > total / 4, { intervalMs: 2 });
  process.kill(victim?.pid ?? 0, 'SIGKILL');
  await load;
  t.deepEqual(failures, []);
  t.is(placed.size, total);
  t.is(new Set(placed.values()).size, total, 'each key has an order of its own');
  const settled = await waitFor(
    'every order to be confirmed',
    async () => {
      const all = [];
      for (let pageToken = ''; ; ) {
        const page = await orders.listOrders({ customerId, pageSize: 200, pageToken });
        all.push(...page.orders);
        pageToken = page.nextPageToken;
        if (!pageToken) break;
      }
      return all.every((order) => order.status === OrderStatus.CONFIRMED) ? all : undefined;
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
  t.deepEqual(settled.map((order) => order.orderId).sort(), [...placed.values()].sort());
});
