import { Command } from 'commander';
import { chosenState } from '../mesh-choice.ts';
import { weftHere } from '../package-manager.ts';
import { SupervisorClient } from '../supervisor/supervisor-client.ts';
import { stateOption } from './options.ts';

/** `weft stop`: ends one process of the mesh for a while. */
export function stopCommand(): Command {
  return new Command('stop')
    .argument('<process>', 'control-plane or postgres')
    .addOption(stateOption())
    .action(async (process: string, options: { state?: string }) => {
      await new SupervisorClient(chosenState(options.state).controlSocket).hold(process, true);
      console.log(`${process} has stopped; \`${weftHere()} start ${process}\` starts it again.`);
    });
}

/** `weft start`: starts again what `weft stop` has ended, and returns when it serves. */
export function startCommand(): Command {
  return new Command('start')
    .argument('<process>', 'control-plane or postgres')
    .addOption(stateOption())
    .action(async (process: string, options: { state?: string }) => {
      await new SupervisorClient(chosenState(options.state).controlSocket).hold(process, false);
      console.log(`${process} serves again.`);
    });
}
