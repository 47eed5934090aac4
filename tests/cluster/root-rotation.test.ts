import { Root_Phase } from '@weft/contracts/weft/api/v1/mesh';
import { waitFor } from '../wait-for.ts';
import { clusterTest, rolledOut } from './cluster.ts';
import { kubectl } from './command.ts';
import { installed } from './installation.ts';
import { startLoad } from './load.ts';
import { openMeshApi } from './mesh-api.ts';

clusterTest('the root is replaced under load, with sidecars that started before it: no failed call', async (t) => {
  const { edge, shop, system } = await installed(t);
  const api = await openMeshApi(system);
  const load = startLoad(edge);
  try {
    const before = (await api.mesh.getStatus({})).controlPlane?.root;
    t.is(before?.phase, Root_Phase.STEADY);
    await load.reached(200);
    await api.mesh.rotateRoot({ why: 'a test', by: 'tests/cluster' });
    await waitFor(
      'the next root to sign',
      async () => {
        const root = (await api.mesh.getStatus({})).controlPlane?.root;
        if (root?.phase === Root_Phase.SIGNING) return true;
        throw new Error(`phase ${root?.phase}, waiting for ${root?.waitingFor.join()}`);
      },
      { timeoutMs: 480_000, intervalMs: 1000 },
    );
    const root = (await api.mesh.getStatus({})).controlPlane?.root;
    t.not(root?.nextFingerprint, before?.fingerprint);
    // A pod that starts now has its certificate from the next root only, and speaks with those from before.
    await kubectl('rollout', 'restart', '-n', shop, 'deployment/inventory');
    await rolledOut(shop, 'deployment/inventory');
    await load.reached(load.calls + 500);
  } finally {
    api.close();
    const { calls, failures } = await load.stop();
    t.log(`${calls} calls, ${failures.length} failed`);
    t.deepEqual(failures.slice(0, 10), []);
  }
});
