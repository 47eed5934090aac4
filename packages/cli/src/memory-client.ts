import { Code, ConnectError } from '@connectrpc/connect';
import { CommandError } from './command-error.ts';
import { chosenState } from './commands/options.ts';
import { meshClient } from './mesh-client.ts';

/** Asks the control plane of the mesh that `--state` names; what it refuses ends the command with its sentence. */
export async function memoryClient<T>(
  state: string | undefined,
  ask: (mesh: ReturnType<typeof meshClient>) => Promise<T>,
): Promise<T> {
  try {
    return await ask(meshClient(chosenState(state).apiSocket, 15_000));
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    const away = error.code === Code.Unavailable && error.rawMessage.includes('connect');
    throw new CommandError(away ? 'The control plane does not answer; `npx weft up` starts it.' : error.rawMessage, {
      cause: error,
    });
  }
}
