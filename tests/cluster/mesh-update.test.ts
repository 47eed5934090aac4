import { clusterTest } from './cluster.ts';
import { helm } from './command.ts';
import { installed, upgrade } from './installation.ts';
import { restart, underLoad } from './under-load.ts';

clusterTest('a rolling update of the edge fails no call', async (t) => {
  const mesh = await installed(t);
  await underLoad(t, mesh, () => restart(mesh.system, 'weft-edge'), 5000);
});

clusterTest('a rolling update of the control plane fails no call', async (t) => {
  const mesh = await installed(t);
  await underLoad(t, mesh, () => restart(mesh.system, 'weft-control-plane'), 5000);
});

clusterTest('helm upgrade and helm rollback of the shop fail no call', async (t) => {
  const mesh = await installed(t);
  await underLoad(t, mesh, async () => {
    await upgrade('shop', { 'service.podAnnotations.turn': String(Date.now()) });
    await helm('rollback', 'shop', '-n', mesh.shop, '--wait', '--timeout', '6m');
  });
});
