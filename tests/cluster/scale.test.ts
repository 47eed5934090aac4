import { waitFor } from '../wait-for.ts';
import { clusterTest, isReady, podsOf, rolledOut } from './cluster.ts';
import { kubectl } from './command.ts';
import { installed } from './installation.ts';
import { startLoad } from './load.ts';
import { callsOf } from './sidecar-metrics.ts';

const ordersLabel = 'app.kubernetes.io/name=orders';

/** How long a Ready pod may be without a call. */
const longestMs = 30_000;

clusterTest('orders from 1 to 5 to 1 under load: new pods get traffic, and no call fails', async (t) => {
  const { edge, shop } = await installed(t);
  const scale = (replicas: number) => kubectl('scale', '-n', shop, 'deployment/orders', `--replicas=${replicas}`);
  await scale(1);
  await rolledOut(shop, 'deployment/orders');
  const before = new Set((await podsOf(shop, ordersLabel)).map((pod) => pod.metadata.name));
  const load = startLoad(edge, {
    call: ({ orders }) => orders.listOrders({ customerId: '01890000-0000-7000-8000-000000000001' }),
  });
  try {
    await load.reached(200);
    await scale(5);
    const waitedMs: number[] = [];
    const served = new Set<string>();
    const readyAtMs = new Map<string, number>();
    await waitFor(
      'every new pod to be called',
      async () => {
        for (const pod of await podsOf(shop, ordersLabel)) {
          const { name } = pod.metadata;
          if (before.has(name) || served.has(name) || !isReady(pod) || !pod.status.podIP) continue;
          const sinceMs = readyAtMs.get(name) ?? Date.now();
          readyAtMs.set(name, sinceMs);
          if ((await callsOf(pod.status.podIP)) > 0) {
            served.add(name);
            waitedMs.push(Date.now() - sinceMs);
          } else if (Date.now() - sinceMs > longestMs) {
            throw new Error(`${name} has been Ready for 30 s and has had no call`);
          }
        }
        return served.size === 4;
      },
      { timeoutMs: 240_000, intervalMs: 200 },
    );
    t.log(`from Ready to the first call, in ms, seen every 200 ms: ${waitedMs.join(', ')}`);
    t.true(waitedMs.every((ms) => ms <= longestMs));
    await scale(1);
    await waitFor(
      'four pods to go',
      async () =>
        (await kubectl('get', 'pods', '-n', shop, '-l', ordersLabel, '-o', 'name')).trim().split('\n').length === 1,
      { timeoutMs: 180_000, intervalMs: 500 },
    );
    // What a pod that has gone would have been sent comes now, if it comes at all.
    await load.reached(load.calls + 500);
  } finally {
    const { calls, failures } = await load.stop();
    await scale(1);
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
