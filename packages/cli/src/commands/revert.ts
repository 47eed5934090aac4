import { userInfo } from 'node:os';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { tellMemory } from '../memory-client.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { clusterOption, namespaceOption, stateOption } from './options.ts';

/** `weft revert`: hold contracts and policies at an earlier revision. */
export function revertCommand(): Command {
  return new Command('revert')
    .description(
      'Holds the contracts and policies of the mesh at a revision of `weft history`, whatever their sources say since, until\n' +
        '`weft revert --clear`. Replicas, identities and overrides stay those of now, and no method is retried that a running version\n' +
        'may not repeat. Shown by `weft status`, and kept over a restart; in a cluster all replicas of the control plane hold it.',
    )
    .argument('[revision]', 'its id, or the beginning of it')
    .option('--clear', 'go forward again: contracts and policies are what their sources say', false)
    .option('--why <words>', 'for the audit log and the status', '')
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (revision: string | undefined, options: MeshChoice & { clear: boolean; why: string }) => {
      if ((revision === undefined) !== options.clear) {
        throw new CommandError('Name a revision of `weft history`, or --clear: one of the two.');
      }
      const request = { revisionId: revision ?? '', clear: options.clear, why: options.why, by: userInfo().username };
      const { pin } = await tellMemory(options, (replica) => replica.revert(request));
      console.log(
        pin
          ? `Contracts and policies are held at ${pin.revisionId}; \`weft revert --clear\` ends that.`
          : 'Contracts and policies are what their sources say.',
      );
    });
}
