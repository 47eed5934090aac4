import type { ExecutionContext } from 'ava';
import { rolledOut } from './cluster.ts';
import { kubectl } from './command.ts';
import type { Installation } from './installation.ts';
import { startLoad } from './load.ts';

/** Runs `work` under constant load; no call may fail. */
export async function underLoad(
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

/** Restarts deployments one after the other. */
export async function restart(namespace: string, ...deployments: readonly string[]): Promise<void> {
  for (const deployment of deployments) {
    await kubectl('rollout', 'restart', '-n', namespace, `deployment/${deployment}`);
    await rolledOut(namespace, `deployment/${deployment}`);
  }
}
