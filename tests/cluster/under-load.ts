import type { ExecutionContext } from 'ava';
import { rolledOut } from './cluster.ts';
import { kubectl } from './command.ts';
import type { Load } from './load.ts';

/** Runs `work` under a load, and goes on until `calls` calls have been made; none may fail. */
export async function underLoad(
  t: ExecutionContext,
  load: Load,
  work: () => Promise<unknown>,
  calls = 0,
): Promise<void> {
  try {
    await load.reached(200);
    const beganMs = Date.now();
    await work();
    t.log(`it took ${((Date.now() - beganMs) / 1000).toFixed(0)} s`);
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
