import { Command } from 'commander';
import { chosenState } from '../mesh-choice.ts';
import { SupervisorClient } from '../supervisor/supervisor-client.ts';
import { formatDuration } from '../terminal/duration.ts';
import { jsonOption, stateOption } from './options.ts';

/** `weft restart`: replaces processes behind their proxies. */
export function restartCommand(): Command {
  return new Command('restart')
    .description(
      'Starts a new process beside the old one, sends the calls to it when it serves, and ends the old one when its calls have\n' +
        'ended. The replicas of a service take turns. When a new process does not serve, the old one goes on and the exit code is 1.',
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
