import { ConnectError } from '@connectrpc/connect';
import { CommandError } from './command-error.ts';
import type { MeshChoice } from './mesh-choice.ts';
import { type Mesh, withMesh } from './with-mesh.ts';

/**
 * Asks every control plane replica of the chosen mesh and returns the answers. If none answers, the command ends with the first replica's
 * error. Never empty.
 */
export function askMemory<T>(choice: MeshChoice, ask: Ask<T>): Promise<[T, ...T[]]> {
  return inWords(
    withMesh(
      choice,
      async ({ clients }) => {
        const answers = await Promise.allSettled(clients.map((client) => ask(client)));
        const [first, ...others] = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
        if (first !== undefined) return [first, ...others];
        throw answers[0]?.status === 'rejected'
          ? answers[0].reason
          : new CommandError('No replica of the control plane answers; see `weft status`.');
      },
      timeoutMs,
    ),
  );
}

/** Asks one replica after another until one accepts; it then tells the others. If none accepts, fails like `askMemory`. */
export function tellMemory<T>(choice: MeshChoice, ask: Ask<T>): Promise<T> {
  return inWords(
    withMesh(
      choice,
      async ({ clients }) => {
        let refusal: unknown = new CommandError('No replica of the control plane answers; see `weft status`.');
        for (const [index, client] of clients.entries()) {
          try {
            return await ask(client);
          } catch (error) {
            if (index === 0) refusal = error;
          }
        }
        throw refusal;
      },
      timeoutMs,
    ),
  );
}

type Ask<T> = (replica: Mesh['clients'][number]) => Promise<T>;

const timeoutMs = 15_000;

async function inWords<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    throw new CommandError(error.rawMessage, { cause: error });
  }
}
