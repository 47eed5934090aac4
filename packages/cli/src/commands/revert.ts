import { userInfo } from 'node:os';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { askMemory } from '../memory-client.ts';
import { stateOption } from './options.ts';

/** `weft revert`: hold contracts and policies at an earlier revision. */
export function revertCommand(): Command {
  return new Command('revert')
    .summary('hold contracts and policies at an earlier revision')
    .description(
      'Holds the contracts and policies of the mesh at a revision of `weft history`, whatever their files say since, until\n' +
        '`weft revert --clear`. Replicas, identities and overrides stay those of now, and no method is retried that a running version\n' +
        'may not repeat. Shown by `weft status`, and kept over a restart.',
    )
    .argument('[revision]', 'its id, or the beginning of it')
    .option('--clear', 'go forward again: contracts and policies are what their files say', false)
    .option('--why <words>', 'for the audit log and the status', '')
    .addOption(stateOption())
    .action(async (revision: string | undefined, options: { clear: boolean; why: string; state?: string }) => {
      if ((revision === undefined) !== options.clear) {
        throw new CommandError('Name a revision of `weft history`, or --clear: one of the two.');
      }
      const request = { revisionId: revision ?? '', clear: options.clear, why: options.why, by: userInfo().username };
      const [{ pin }] = await askMemory(options, (mesh) => mesh.revert(request));
      console.log(
        pin
          ? `Contracts and policies are held at ${pin.revisionId}; \`weft revert --clear\` ends that.`
          : 'Contracts and policies are what their files say.',
      );
    });
}
