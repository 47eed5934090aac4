import { existsSync, statSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { DiffSide } from '@weft/compiler';
import { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { buildContractTree } from '../contract-tree.ts';
import { findProject } from '../project.ts';
import { paintFor } from '../terminal/style.ts';
import { jsonOption } from './options.ts';
import { problemLines } from './problem-lines.ts';

/** `weft diff`: what a change does, and to which callers. */
export function diffCommand(): Command {
  return new Command('diff')
    .description(
      'Compares two git commits, two directories of .proto files or two mesh directories. For each caller and method, says what\n' +
        'changes: allowed or denied, retries, deadlines, exposure, REST paths, limits. Compares policy, not messages: `buf breaking` checks those.\n' +
        'The exit code is 0 whether or not there is a difference, and 1 when the two cannot be compared.',
    )
    .argument('<old>', 'a git commit ("main", "HEAD~1") or a directory')
    .argument('<new>', 'a git commit or a directory; "." is the working tree')
    .addOption(jsonOption())
    .action(async (old: string, fresh: string, options: { json: boolean }) => {
      const [before, after] = await Promise.all([readSide(old), readSide(fresh)]);
      if ('files' in before !== 'files' in after) {
        throw new CommandError(
          `${old} and ${fresh} cannot be compared: one is a mesh directory, the other a tree of contracts; name two of the same kind.`,
        );
      }
      const { diff, diffText } = await import('@weft/compiler');
      const result = diff(before, after, Date.now());
      if (options.json) {
        console.log(JSON.stringify({ ...result.diff, problems: result.problems }, undefined, 2));
        return;
      }
      const paint = paintFor(process.stdout);
      const text = diffText(result.diff, (title) => paint('bold', title));
      console.log(text === '' ? nothingChanges : text);
      for (const line of problemLines(result.problems, paintFor(process.stderr))) console.error(line);
    });
}

/** Printed if no caller's policy differs. A message may. */
const nothingChanges =
  'Policy: nothing changes for any caller. Messages are not compared; `buf breaking` says whether their changes break a caller.';

async function readSide(name: string): Promise<DiffSide> {
  const directory = resolve(name);
  const isDirectory = existsSync(directory) && statSync(directory).isDirectory();
  if (isDirectory && (await isMeshDirectory(directory))) {
    const { readMeshFiles } = await import('../mesh/read-mesh-files.ts');
    return { files: await readMeshFiles(directory) };
  }
  const project = findProject();
  // "." means the whole working tree, even in a folder below its root.
  const tree = name === '.' ? project.root : directory;
  return { descriptorSet: await buildContractTree(project, isDirectory ? { directory: tree } : { ref: name }) };
}

/** A directory with a manifest at its top level is a mesh directory. */
async function isMeshDirectory(directory: string): Promise<boolean> {
  for (const name of await readdir(directory)) {
    if (!/\.ya?ml$/.test(name)) continue;
    if (/"?kind"?:\s*"?MeshConfig\b/.test(await readFile(join(directory, name), 'utf8'))) return true;
  }
  return false;
}
