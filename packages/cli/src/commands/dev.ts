import { Command } from 'commander';
import { runMesh, type UpOptions, withMeshOptions } from './up.ts';

/** `weft dev`: the whole mesh on this machine, which follows edits. */
export function devCommand(): Command {
  const dev = new Command('dev').description(
    'As `weft up`, and follows edits. A saved source file restarts the replicas of its service, and no call fails. A saved .proto file\n' +
      'is generated, checked and applied, and what changes for whom is printed. A new service folder joins, and a removed one leaves.\n' +
      'Code or a contract that does not work is named, and what ran before goes on.',
  );
  return withMeshOptions(dev).action((options: UpOptions) => runMesh({ ...options, detach: false }, { follow: true }));
}
