import { userInfo } from 'node:os';
import { ConnectError } from '@connectrpc/connect';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import type { MeshChoice } from '../mesh-choice.ts';
import { withMesh } from '../with-mesh.ts';
import { clusterOption, namespaceOption, stateOption } from './options.ts';
import { rootLine } from './render-root.ts';

/** `weft rotate-root`: replaces the root of all certificates. */
export function rotateRootCommand(): Command {
  return new Command('rotate-root')
    .description(
      'The new root is trusted everywhere first, then it signs, and the old one goes when its last certificate has ended.\n' +
        'This returns at once; `weft check` says how far it has come. It goes on over restarts of the control plane.',
    )
    .option('--why <text>', "the reason, for the control plane's log", '')
    .addOption(stateOption())
    .addOption(clusterOption())
    .addOption(namespaceOption())
    .action(async (options: MeshChoice & { why: string }) => {
      try {
        const request = { why: options.why, by: userInfo().username };
        const { root } = await withMesh(options, (mesh) => mesh.rotateRoot(request));
        if (root) console.log(rootLine(root, Date.now()));
      } catch (error) {
        if (error instanceof CommandError) throw error;
        throw new CommandError(`The root was not rotated: ${ConnectError.from(error).rawMessage}`);
      }
    });
}
