import { Command } from 'commander';
import { chosenState } from '../mesh-choice.ts';
import { SupervisorClient } from '../supervisor/supervisor-client.ts';
import { formatDuration } from '../terminal/duration.ts';
import { jsonOption, stateOption } from './options.ts';

/** `weft restart`: replaces processes behind their proxies, without a failed call. */
export function restartCommand(): Command {
  return new Command('restart')
    .description(
      'Starts a new process beside the old one, moves calls to it once it serves, and stops the old process when its calls have\n' +
        'finished. The replicas of a service restart one after the other. If a new process does not start serving, the old one stays\n' +
        'and the exit code is 1.',
    )
    .argument('<name>', 'a service ("orders") or one replica ("orders-0")')
    .addOption(jsonOption())
    .addOption(stateOption())
    .action(async (name: string, options: { state?: string; json: boolean }) => {
      const startedAt = Date.now();
      const replicas = await new SupervisorClient(chosenState(options.state).controlSocket).restart(name);
      if (options.json) console.log(JSON.stringify({ replicas }, undefined, 2));
      else console.log(`${replicas.join(', ') || name} restarted in ${formatDuration(Date.now() - startedAt)}`);
    });
}
