import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Mesh, runningMesh, startMesh } from './mesh.ts';
import { waitFor } from './wait-for.ts';

/** Says where the mesh runs that test files share, one after the other: `PORT:STATE`. */
const variable = 'WEFT_TEST_MESH';

/** A mesh of the shop for test files that run one after the other, and the environment that tells them of it. The caller stops it. */
export async function shareMesh(): Promise<{ readonly env: Readonly<Record<string, string>>; stop(): Promise<void> }> {
  const mesh = await startMesh();
  return { env: { [variable]: `${mesh.port}:${mesh.state}` }, stop: mesh.stop };
}

/**
 * A mesh of the shop, with one replica of each service and nothing of a user's own. It is the shared one where there is one, else one of
 * its own, so that each test file runs by itself, too. The caller stops it, which ends only its own.
 */
export async function takeMesh(): Promise<Mesh> {
  const [, port, state] = /^(\d+):(.+)$/.exec(process.env[variable] ?? '') ?? [];
  if (port === undefined || state === undefined) return startMesh();
  const mesh = runningMesh(state, Number(port));
  await restore(mesh);
  return mesh;
}

/** Makes the mesh what it was when it started, whatever a test file has left. */
async function restore(mesh: Mesh): Promise<void> {
  if (existsSync(mesh.userMesh)) {
    for (const name of await readdir(mesh.userMesh)) await rm(join(mesh.userMesh, name), { recursive: true });
  }
  const { replicas, processes } = await mesh.supervisor();
  for (const { name, pid } of processes) if (pid === undefined) await mesh.weft('start', name);
  for (const [service, of] of Map.groupBy(replicas, ({ service }) => service)) {
    if (of.length > 1) await mesh.weft('scale', `${service}=1`);
  }
  await waitFor(
    'the shared mesh to be as it was',
    async () => {
      const { workloads, problems = [], supervisor } = await mesh.status();
      const [problem] = problems;
      if (problem) throw new Error(`${problem.resource}: ${problem.message}`);
      for (const { name, ready, reason } of supervisor.replicas) if (!ready) throw new Error(`${name}: ${reason}`);
      return workloads.length === supervisor.replicas.length && workloads.every(({ ready, proxy }) => ready && proxy);
    },
    { timeoutMs: 60_000, intervalMs: 250 },
  );
}
