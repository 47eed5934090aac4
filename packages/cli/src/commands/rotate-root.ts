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
      'Every proxy first trusts the new root, then the new root starts to sign, and the old one is removed when its last\n' +
        'certificate has expired. Returns at once; `weft check` shows the progress. A rotation continues across restarts of the\n' +
        'control plane.',
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
