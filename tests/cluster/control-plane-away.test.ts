import { setTimeout as delay } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { waitFor } from '../wait-for.ts';
import { clusterTest, isReady, type PodObject, rolledOut } from './cluster.ts';
import { apply, get, kubectl } from './command.ts';
import { type Installation, installed } from './installation.ts';
import { startLoad } from './load.ts';
import { callsOf } from './sidecar-metrics.ts';

/** Two minutes; WEFT_AWAY_SECONDS says otherwise. */
const awayMs = Number(process.env.WEFT_AWAY_SECONDS ?? 120) * 1000;
const controlPlane = 'deployment/weft-control-plane';
const latePod = 'catalog-late';

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

interface TemplateObject {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: object } };
}

interface GatedReplica {
  /** What was asked for, by the name of another pod. */
  again(name: string): object;
  start(): Promise<void>;
}

/** One more replica of catalog, injected now and scheduled when `start` is called. */
async function gatedReplica(t: ExecutionContext, namespace: string): Promise<GatedReplica> {
  const { template } = (await get<TemplateObject>('deployment', 'catalog', '-n', namespace)).spec;
  const replica = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, namespace, name },
    spec: { ...template.spec, schedulingGates: [{ name: 'weft.dev/test' }] },
  });
  t.teardown(() => kubectl('delete', 'pod', latePod, '-n', namespace, '--ignore-not-found'));
  await apply([replica(latePod)]);
  return {
    again: replica,
    start: async () => {
      const ungated = JSON.stringify({ spec: { schedulingGates: null } });
      await kubectl('patch', 'pod', latePod, '-n', namespace, '--type=merge', '-p', ungated);
    },
  };
}

clusterTest('without a control plane for two minutes: calls go on, new endpoints wait, then arrive', async (t) => {
  const mesh = await installed(t);
  const { edge, shop } = mesh;
  const late = () => get<PodObject>('pod', latePod, '-n', shop);
  const replica = await gatedReplica(t, shop);
  const load = startLoad(edge);
  let bringBack = async () => {};
  try {
    await load.reached(200);
    bringBack = await takeAway(mesh);
    const backMs = Date.now() + awayMs;
    // It has a sidecar already, which nobody tells anything; one that comes now would have none, and is refused.
    await replica.start();
    await t.throwsAsync(apply([replica.again('catalog-refused')], '--dry-run=server'), {
      message: /failed calling webhook/,
    });
    const before = load.calls;
    await delay(backMs - Date.now());
    t.true(load.calls > before);
    t.false(isReady(await late()), 'the new replica waits');
    await bringBack();
    bringBack = async () => {};
    const pod = await waitFor(
      'the new replica to be Ready',
      async () => {
        const found = await late();
        return isReady(found) && found;
      },
      { timeoutMs: 120_000, intervalMs: 500 },
    );
    await waitFor('the new replica to be called', async () => (await callsOf(pod.status.podIP ?? '')) > 0);
    await load.reached(load.calls + 500);
  } finally {
    await bringBack();
    const { calls, failures } = await load.stop();
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
  const { name, namespace } = metadata;
  const backup = { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type, data };
  const load = startLoad(edge);
  try {
    await load.reached(200);
    const bringBack = await takeAway(mesh);
    try {
      await kubectl('delete', 'secret', name, '-n', system);
    } finally {
      await apply([backup]);
      await bringBack();
    }
    // A new pod and old ones trust each other: there is one root.
    await kubectl('rollout', 'restart', '-n', shop, 'deployment/catalog');
    await rolledOut(shop, 'deployment/catalog');
    await load.reached(load.calls + 500);
    t.deepEqual((await get<SecretObject>('secret', name, '-n', system)).data, data);
  } finally {
    const { calls, failures } = await load.stop();
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
