import { timestampMs } from '@bufbuild/protobuf/wkt';
import { Root_Phase } from '@weft/api/weft/api/v1/mesh';
import { openClusterMesh } from '@weft/cli';
import { waitFor } from '../wait-for.ts';
import { clusterTest, podsOf, rolledOut } from './cluster.ts';
import { get, kubectl } from './command.ts';
import { installed } from './installation.ts';
import { startLoad } from './load.ts';
import { restart } from './under-load.ts';

type Phase = 'SIGNING' | 'STEADY';

/** The old root is trusted until its last certificate has ended; a test cannot wait for a day. */
const lifetime = '60s';

/** Sets how long certificates live; what sets it back. */
async function shortLives(): Promise<() => Promise<unknown>> {
  const { spec } = await get<{ spec: { certificateLifetime?: string } }>('meshconfig', 'mesh');
  const set = (certificateLifetime: string | null) =>
    kubectl('patch', 'meshconfig', 'mesh', '--type=merge', '-p', JSON.stringify({ spec: { certificateLifetime } }));
  await set(lifetime);
  return () => set(spec.certificateLifetime ?? null);
}

/** The mesh's status, by a connection of its own: replicas of the control plane come and go. */
async function status(namespace: string) {
  const mesh = await openClusterMesh({ namespace });
  try {
    return await mesh.status();
  } finally {
    mesh.close();
  }
}

clusterTest('the root is replaced under load, with sidecars that started before it: no failed call', async (t) => {
  const { edge, shop, system } = await installed(t);
  const mesh = await openClusterMesh({ namespace: system });
  const setBack = await shortLives();
  const names = async () => (await podsOf(shop, 'app.kubernetes.io/name=catalog')).map(({ metadata }) => metadata.uid);
  const old = await names();
  const load = startLoad(edge);
  const root = async () => (await mesh.status()).controlPlane?.root;
  const reached = async (wanted: Phase, timeoutMs: number) => {
    const startMs = Date.now();
    await waitFor(
      `the rotation to reach phase ${wanted}`,
      async () => {
        const now = await root();
        if (now?.phase === Root_Phase[wanted]) return true;
        throw new Error(`phase ${now?.phase}, waiting for ${now?.waitingFor.join()}`);
      },
      { timeoutMs, intervalMs: 1000 },
    );
    t.log(`${wanted} after ${Math.round((Date.now() - startMs) / 1000)} s`);
  };
  try {
    const before = await root();
    t.is(before?.phase, Root_Phase.STEADY);
    await load.reached(200);
    await mesh.rotateRoot({ why: 'a test', by: 'tests/cluster' });
    // The chart's controlPlane.rootSettle, two minutes by default, and what the replicas need to hear of it.
    await reached('SIGNING', 300_000);
    // A pod that starts now has its certificate from the next root only, and speaks with those from before.
    await kubectl('rollout', 'restart', '-n', shop, 'deployment/inventory');
    await rolledOut(shop, 'deployment/inventory');
    await reached('STEADY', 240_000);
    t.not((await root())?.fingerprint, before?.fingerprint);
    // The old root is gone. Sidecars that started with it find the control plane again by what the kubelet has brought them since.
    const beganMs = Date.now();
    await restart(system, 'weft-control-plane');
    await waitFor(
      'every sidecar to be back',
      async () => {
        const { workloads } = await status(system);
        const away = workloads.filter(({ proxy }) => !proxy?.connectedAt || timestampMs(proxy.connectedAt) < beganMs);
        if (away.length > 0) throw new Error(away.map(({ namespace, name }) => `${namespace}/${name}`).join());
        return workloads.length > 0;
      },
      { timeoutMs: 120_000, intervalMs: 1000 },
    );
    await load.reached(load.calls + 500);
    t.deepEqual(await names(), old, 'the same pods all along');
  } finally {
    mesh.close();
    const { calls, failures } = await load.stop();
    await setBack();
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
