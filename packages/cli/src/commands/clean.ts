import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { chosenState } from '../mesh-choice.ts';
import { down } from './down.ts';
import { stateOption } from './options.ts';

/** `weft clean`: stops the mesh and forgets its data. */
export function cleanCommand(): Command {
  return new Command('clean')
    .description('Stops the mesh, then removes its state: the database, passwords, the root certificate, logs.')
    .addOption(stateOption())
    .action(async (options: { state?: string }) => {
      const state = chosenState(options.state);
      console.log(await down(state));
      // Only what the mesh has made: the directory may be any that somebody named.
      const { postgres, secrets, mesh, controlPlane, tokens, envoy, log, processes, run } = state;
      for (const path of [postgres, secrets, mesh, controlPlane, tokens, envoy, log, processes, run]) {
        rmSync(path, { recursive: true, force: true });
      }
      console.log(`The data in ${state.path} is gone.`);
    });
}
