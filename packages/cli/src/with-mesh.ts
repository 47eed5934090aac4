import type { Client } from '@connectrpc/connect';
import type { GetStatusResponse, MeshService, RotateRootResponse } from '@weft/api/weft/api/v1/mesh';
import { openClusterMesh } from './cluster-mesh.ts';
import { CommandError } from './command-error.ts';
import { chosenState, type MeshChoice } from './mesh-choice.ts';
import { meshClient } from './mesh-client.ts';
import type { StateDirectory } from './state-directory.ts';
import { notRunning, SupervisorClient } from './supervisor/supervisor-client.ts';
import { isNobodyListening } from './system-error.ts';

/** A reachable mesh, on this machine or in a cluster. */
export interface Mesh {
  status(): Promise<GetStatusResponse>;
  rotateRoot(request: { readonly why: string; readonly by: string }): Promise<RotateRootResponse>;
  /** The replicas of its control plane. At least one. */
  readonly clients: readonly Client<typeof MeshService>[];
}

/**
 * Connects to the chosen mesh, calls `ask`, and disconnects. If no control plane listens, rejects with a CommandError that says why: no
 * mesh is running, or it runs without its control plane.
 */
export async function withMesh<T>(choice: MeshChoice, ask: (mesh: Mesh) => Promise<T>, timeoutMs?: number): Promise<T> {
  const { cluster, namespace } = choice;
  if (cluster === undefined) {
    const state = chosenState(choice.state);
    const client = meshClient(state.apiSocket, timeoutMs);
    try {
      return await ask({
        clients: [client],
        status: () => client.getStatus({}),
        rotateRoot: (request) => client.rotateRoot(request),
      });
    } catch (error) {
      throw isNobodyListening(error) ? await nobodyListens(state, error) : error;
    }
  }
  const mesh = await openClusterMesh({
    ...(cluster === true ? {} : { context: cluster }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  try {
    return await ask(mesh);
  } finally {
    mesh.close();
  }
}

/** Why the control plane of a local mesh does not listen, and what to do. */
async function nobodyListens(state: StateDirectory, cause: unknown): Promise<CommandError> {
  const running = await new SupervisorClient(state.controlSocket).status();
  if (running === undefined) return notRunning();
  if (running.phase === 'starting')
    return new CommandError('The mesh is still starting; `weft logs` shows its progress.');
  const { reason = '' } = running.processes.find(({ name }) => name === 'control-plane') ?? {};
  return new CommandError(
    `The control plane is not running${reason ? ` (${reason})` : ''}; calls keep working, and \`weft logs control-plane\` shows why.`,
    { cause },
  );
}
