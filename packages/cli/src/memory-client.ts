import { Code, ConnectError } from '@connectrpc/connect';
import { CommandError } from './command-error.ts';
import type { MeshChoice } from './commands/options.ts';
import { type Mesh, withMesh } from './with-mesh.ts';

/** Asks the control plane of the mesh that was chosen; what it refuses ends the command with its sentence. */
export async function memoryClient<T>(choice: MeshChoice, ask: (mesh: Mesh['client']) => Promise<T>): Promise<T> {
  try {
    return await withMesh(choice, ({ client }) => ask(client), 15_000);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const away = error.code === Code.Unavailable && error.rawMessage.includes('connect');
    throw new CommandError(away ? 'The control plane does not answer; `npx weft up` starts it.' : error.rawMessage, {
      cause: error,
    });
  }
}
