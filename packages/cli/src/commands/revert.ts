import { userInfo } from 'node:os';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { tellMemory } from '../memory-client.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { clusterOption, namespaceOption, stateOption } from './options.ts';

/** `weft revert`: holds contracts and policies at an earlier revision. */
export function revertCommand(): Command {
  return new Command('revert')
    .description(
      'Holds the contracts and policies of the mesh at a revision of `weft history`, whatever their sources say later, until `weft\n' +
        'revert --clear`. Replicas, identities and overrides stay current, and no method is retried that a running version must not\n' +
        'repeat. `weft status` shows the revert, and it survives a restart. In a cluster, all replicas of the control plane hold it.',
    )
    .argument('[revision]', 'its id, or the start of it')
    .option('--clear', 'end the revert: use the contracts and policies of their sources again', false)
    .option('--why <words>', 'the reason, for the audit log and the status', '')
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (revision: string | undefined, options: MeshChoice & { clear: boolean; why: string }) => {
      if ((revision === undefined) !== options.clear) {
        throw new CommandError('Name either a revision of `weft history` or --clear.');
      }
      const request = { revisionId: revision ?? '', clear: options.clear, why: options.why, by: userInfo().username };
      const { pin } = await tellMemory(options, (replica) => replica.revert(request));
      console.log(
        pin
          ? `Contracts and policies are held at ${pin.revisionId}; \`weft revert --clear\` ends that.`
          : 'Contracts and policies follow their sources again.',
      );
    });
}
