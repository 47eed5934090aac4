import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { chosenState } from '../mesh-choice.ts';
import { down } from './down.ts';
import { stateOption } from './options.ts';

/** `weft clean`: stops the mesh and deletes its data. */
export function cleanCommand(): Command {
  return new Command('clean')
    .description('Stops the mesh, then deletes its state: the database, passwords, the root certificate and logs.')
    .addOption(stateOption())
    .action(async (options: { state?: string }) => {
      const state = chosenState(options.state);
      console.log(await down(state));
      // Delete only what the mesh created: the user may have named any directory.
      const { postgres, secrets, mesh, controlPlane, tokens, envoy, log, processes, lock, run } = state;
      for (const path of [postgres, secrets, mesh, controlPlane, tokens, envoy, log, processes, lock, run]) {
        rmSync(path, { recursive: true, force: true });
      }
      console.log(`Deleted the data in ${state.path}.`);
    });
}
