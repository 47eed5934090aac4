import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../wait-for.ts';
import { clusterTest, isReady, podsOf, rolledOut } from './cluster.ts';
import { get, kubectl } from './command.ts';
import { installed } from './installation.ts';
import { startLoad } from './load.ts';

const awayMs = 120_000;
const controlPlane = 'deployment/weft-control-plane';

clusterTest('without a control plane for two minutes: calls go on, new endpoints wait, then arrive', async (t) => {
  const { edge, shop, system } = await installed(t);
  const { spec } = await get<{ spec: { replicas: number } }>(controlPlane, '-n', system);
  const catalog = 'app.kubernetes.io/name=catalog';
  const load = startLoad(edge);
  try {
    await load.reached(200);
    const endMs = Date.now() + awayMs;
    await kubectl('scale', '-n', system, controlPlane, '--replicas=0');
    await waitFor(
      'the control plane to be gone',
      async () => {
        const pods = await kubectl(
          'get',
          'pods',
          '-n',
          system,
          '-l',
          'app.kubernetes.io/component=control-plane',
          '-o',
          'name',
        );
        return pods.trim() === '';
      },
      { timeoutMs: 90_000, intervalMs: 500 },
    );
    await delay(Math.max(0, endMs - Date.now()));
    await kubectl('scale', '-n', system, controlPlane, `--replicas=${spec.replicas}`);
    await rolledOut(system, controlPlane);
    await kubectl('scale', '-n', shop, 'deployment/catalog', '--replicas=2');
    await rolledOut(shop, 'deployment/catalog');
    t.is((await podsOf(shop, catalog)).filter(isReady).length, 2);
  } finally {
    const { calls, failures } = await load.stop();
    await kubectl('scale', '-n', system, controlPlane, `--replicas=${spec.replicas}`);
    await kubectl('scale', '-n', shop, 'deployment/catalog', '--replicas=1');
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
