import type { Client } from '@connectrpc/connect';
import type { GetStatusResponse, MeshService, RotateRootResponse } from '@weft/api/weft/api/v1/mesh';
import { openClusterMesh } from './cluster-mesh.ts';
import { CommandError } from './command-error.ts';
import { chosenState, type MeshChoice } from './mesh-choice.ts';
import { meshClient } from './mesh-client.ts';
import type { StateDirectory } from './state-directory.ts';
import { notRunning, SupervisorClient } from './supervisor/supervisor-client.ts';
import { isNobodyListening } from './system-error.ts';

/** A mesh that answers, on this machine or in a cluster. */
export interface Mesh {
  status(): Promise<GetStatusResponse>;
  rotateRoot(request: { readonly why: string; readonly by: string }): Promise<RotateRootResponse>;
  /** The replicas of its control plane. At least one. */
  readonly clients: readonly Client<typeof MeshService>[];
}

/** Asks the mesh that was chosen, and lets go of it afterwards. */
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
      throw isNobodyListening(error) ? await nobodyHere(state, error) : error;
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

/** Nobody listens at the API's socket: the whole mesh is away, or only its control plane. */
async function nobodyHere(state: StateDirectory, cause: unknown): Promise<CommandError> {
  const supervisor = await new SupervisorClient(state.controlSocket).status();
  if (!supervisor) return notRunning();
  return new CommandError('The control plane does not run now; `weft start control-plane` starts it.', { cause });
}
