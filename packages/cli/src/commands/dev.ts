import { Command } from 'commander';
import { runMesh, type UpOptions, withMeshOptions } from './up.ts';

/** `weft dev`: runs the whole mesh on this machine and follows edits. */
export function devCommand(): Command {
  const dev = new Command('dev').description(
    'Does what `weft up` does, and follows edits. When you save a source file, the replicas of its service restart and no call\n' +
      'fails. When you save a .proto file, it is generated, checked and applied, and the effect on each caller is printed. A new\n' +
      'service folder joins the mesh; a removed one leaves. If code or a contract does not work, it is named and the previous\n' +
      'version keeps running.',
  );
  return withMeshOptions(dev).action((options: UpOptions) => runMesh({ ...options, detach: false }, { follow: true }));
}
