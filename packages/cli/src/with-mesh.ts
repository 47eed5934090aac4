import type { Client } from '@connectrpc/connect';
import type { GetStatusResponse, MeshService, RotateRootResponse } from '@weft/api/weft/api/v1/mesh';
import { openClusterMesh } from './cluster-mesh.ts';
import { chosenState, type MeshChoice } from './mesh-choice.ts';
import { meshClient } from './mesh-client.ts';

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
    const client = meshClient(chosenState(choice.state).apiSocket, timeoutMs);
    return ask({
      clients: [client],
      status: () => client.getStatus({}),
      rotateRoot: (request) => client.rotateRoot(request),
    });
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
