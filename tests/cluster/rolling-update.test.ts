import type { ExecutionContext } from 'ava';
import { clusterTest, rolledOut } from './cluster.ts';
import { helm, kubectl } from './command.ts';
import { type Installation, installed, upgrade } from './installation.ts';
import { startLoad } from './load.ts';

/** Calls at least, in a test of a whole rollout. */
const enough = 20_000;

/** Runs `work` under constant load; no call may fail. */
async function underLoad(
  t: ExecutionContext,
  { edge }: Installation,
  work: () => Promise<unknown>,
  calls = 0,
): Promise<void> {
  const load = startLoad(edge);
  try {
    await load.reached(200);
    await work();
    await load.reached(Math.max(calls, load.calls + 200));
  } finally {
    const { calls: made, failures, slowestMs } = await load.stop();
    t.log(`${made} calls, ${failures.length} failed, the slowest took ${slowestMs} ms`);
    t.deepEqual(failures.slice(0, 10), []);
  }
}

async function restart(namespace: string, ...deployments: readonly string[]): Promise<void> {
  for (const deployment of deployments) {
    await kubectl('rollout', 'restart', '-n', namespace, `deployment/${deployment}`);
    await rolledOut(namespace, `deployment/${deployment}`);
  }
}

clusterTest('a rolling update of every service fails no call out of 20,000', async (t) => {
  const mesh = await installed(t);
  await underLoad(t, mesh, () => restart(mesh.shop, 'catalog', 'inventory', 'payments', 'orders'), enough);
});

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
    await upgrade('shop', { 'global.podAnnotations.turn': String(Date.now()) });
    await helm('rollback', 'shop', '-n', mesh.shop, '--wait', '--timeout', '6m');
  });
});
