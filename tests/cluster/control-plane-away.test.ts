import { setTimeout as delay } from 'node:timers/promises';
import { waitFor } from '../wait-for.ts';
import { clusterTest, isReady, podsOf, rolledOut } from './cluster.ts';
import { apply, get, kubectl } from './command.ts';
import { type Installation, installed } from './installation.ts';
import { startLoad } from './load.ts';

const awayMs = 120_000;
const controlPlane = 'deployment/weft-control-plane';
const catalog = 'app.kubernetes.io/name=catalog';

/** Takes the control plane away; what brings it back. */
async function takeAway({ system }: Installation): Promise<() => Promise<void>> {
  const { spec } = await get<{ spec: { replicas: number } }>(controlPlane, '-n', system);
  await kubectl('scale', '-n', system, controlPlane, '--replicas=0');
  await waitFor(
    'the control plane to be gone',
    async () => {
      const label = 'app.kubernetes.io/component=control-plane';
      return (await kubectl('get', 'pods', '-n', system, '-l', label, '-o', 'name')).trim() === '';
    },
    { timeoutMs: 90_000, intervalMs: 500 },
  );
  return async () => {
    await kubectl('scale', '-n', system, controlPlane, `--replicas=${spec.replicas}`);
    await rolledOut(system, controlPlane);
  };
}

clusterTest('without a control plane for two minutes: calls go on, new endpoints wait, then arrive', async (t) => {
  const mesh = await installed(t);
  const { edge, shop } = mesh;
  const scale = (replicas: number) => kubectl('scale', '-n', shop, 'deployment/catalog', `--replicas=${replicas}`);
  const load = startLoad(edge);
  let bringBack = async () => {};
  try {
    await load.reached(200);
    const endMs = Date.now() + awayMs;
    bringBack = await takeAway(mesh);
    // Its pod is refused while nobody can give it a sidecar.
    await scale(2);
    await delay(Math.max(0, endMs - Date.now()));
    t.is((await podsOf(shop, catalog)).filter(isReady).length, 1);
    await bringBack();
    await rolledOut(shop, 'deployment/catalog');
    t.is((await podsOf(shop, catalog)).filter(isReady).length, 2);
    await load.reached(load.calls + 500);
  } finally {
    const { calls, failures } = await load.stop();
    await bringBack();
    await scale(1);
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});

interface SecretObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

clusterTest("the root's Secret, lost and restored from a backup: the same mesh", async (t) => {
  const mesh = await installed(t);
  const { edge, shop, system } = mesh;
  const { metadata, type, data } = await get<SecretObject>('secret', 'weft-root-ca', '-n', system);
  const backup = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: metadata.name, namespace: metadata.namespace },
    type,
    data,
  };
  const load = startLoad(edge);
  try {
    await load.reached(200);
    const bringBack = await takeAway(mesh);
    try {
      await kubectl('delete', 'secret', 'weft-root-ca', '-n', system);
      await apply([backup]);
    } finally {
      await bringBack();
    }
    // A new pod and old ones trust each other: there is one root.
    await kubectl('rollout', 'restart', '-n', shop, 'deployment/catalog');
    await rolledOut(shop, 'deployment/catalog');
    await load.reached(load.calls + 500);
    t.deepEqual((await get<SecretObject>('secret', 'weft-root-ca', '-n', system)).data, data);
  } finally {
    const { calls, failures } = await load.stop();
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
