import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import type { Mesh } from '../mesh.ts';
import { takeMesh } from '../shared-mesh.ts';
import { shopAt } from '../shop.ts';
import { waitFor } from '../wait-for.ts';

let mesh: Mesh;
test.before(async () => {
  mesh = await takeMesh();
});
test.after.always(() => mesh?.stop());

const awayMs = 60_000;

test('control plane killed for a minute under load: no failed call; on its return nothing is lost or resent', async (t) => {
  const { catalog } = shopAt(mesh.edge);
  const names = ['edge-0', 'orders-0', 'catalog-0', 'inventory-0', 'payments-0'];
  const counters = async (pattern: RegExp) =>
    Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await mesh.counter(name, pattern)] as const)),
    );
  // What Envoy has taken in, and connections that it had to close.
  const updates =
    /^(cluster_manager\.cds|listener_manager\.lds|http\..*\.rds\..*|cluster\.outbound.*|.*\.sds\..*)\.(update_success|version_changed|config_reload)$/;
  const destroyed =
    /downstream_cx_drain_close$|listener_manager\.total_listeners_draining$|upstream_cx_destroy_with_active_rq$/;

  let stop = false;
  let calls = 0;
  const failures: unknown[] = [];
  const worker = async () => {
    while (!stop) {
      await catalog.getProduct({ sku: 'WFT-0001' }).then(
        () => {
          calls++;
        },
        (error) => failures.push(error),
      );
      // Hundreds of calls a second, and the machine is free for others.
      await delay(5);
    }
  };
  const load = Promise.all([worker(), worker()]);
  await waitFor('the load', () => calls > 100);

  const updatesBefore = await counters(updates);
  const destroyedBefore = await counters(destroyed);
  await mesh.weft('stop', 'control-plane');
  const end = Date.now() + awayMs;
  await waitFor('the minute to be over', () => Date.now() > end, { timeoutMs: awayMs + 5_000, intervalMs: 500 });
  t.deepEqual(failures, []);

  await mesh.weft('start', 'control-plane');
  const status = await waitFor('every proxy to be back', async () => {
    const now = await mesh.status();
    return now.workloads.length === names.length && now.workloads.every((workload) => workload.proxy) ? now : undefined;
  });
  t.is(status.problems?.length ?? 0, 0);
  t.deepEqual(await counters(updates), updatesBefore, 'nothing unchanged was sent again');
  t.deepEqual(await counters(destroyed), destroyedBefore, 'no connection was lost');

  await mesh.weft('scale', 'catalog=2');
  await waitFor(
    'calls at the replica that joined',
    async () => (await mesh.counter('catalog-1', /^http\.inbound.*downstream_rq_completed$/)) > 0,
  );
  stop = true;
  await load;
  t.deepEqual(failures, []);
  t.log(`${calls} calls`);
});
