import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandError } from './command-error.ts';
import { isMissingProgram } from './system-error.ts';

const execute = promisify(execFile);

/** Where contracts are taken from: a commit of the project's repository, or a directory of .proto files. */
export type ContractTree = { readonly ref: string } | { readonly directory: string };

/**
 * Builds the descriptor set of a tree of contracts, with source positions. Imports come from the tree, else from the project:
 * third-party files, which are not in git, and weft.policy.v1. Leaves nothing behind; rejects with a CommandError.
 */
export async function buildContractTree(root: string, tree: ContractTree): Promise<Uint8Array> {
  const dir = await mkdtemp(join(tmpdir(), 'weft-contracts-'));
  const name = 'ref' in tree ? tree.ref : tree.directory;
  try {
    const proto = join(dir, 'proto');
    if ('ref' in tree) await checkOut(root, tree.ref, dir);
    else {
      const inner = join(tree.directory, 'proto');
      await cp(existsSync(inner) ? inner : tree.directory, proto, { recursive: true });
    }
    const policy = 'weft/policy';
    if (!existsSync(join(proto, policy))) await copyIfThere(join(root, 'proto', policy), join(proto, policy));
    await copyIfThere(join(root, 'third_party/proto'), join(dir, 'third_party/proto'));
    await writeFile(join(dir, 'buf.yaml'), 'version: v2\nmodules: [{path: proto}, {path: third_party/proto}]\n');
    const file = join(dir, 'contracts.binpb');
    const buf = join(root, 'node_modules/.bin/buf');
    await execute(buf, ['build', '--as-file-descriptor-set', '-o', file], { cwd: dir });
    return await readFile(file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    if (isMissingProgram(error)) throw new CommandError(`buf is not installed in ${root}; run \`npm install\` there.`);
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new CommandError(`The contracts of ${name} do not compile: ${said || 'buf said nothing'}`, { cause: error });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** What is missing is named by buf, with the line that imports it. */
async function copyIfThere(from: string, to: string): Promise<void> {
  if (existsSync(from)) await cp(from, to, { recursive: true });
  else await mkdir(to, { recursive: true });
}

async function checkOut(root: string, ref: string, dir: string): Promise<void> {
  const tar = join(dir, 'tree.tar');
  try {
    const commit = await execute('git', ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`], {
      cwd: root,
    });
    await execute('git', ['archive', '--output', tar, commit.stdout.trim(), 'proto'], { cwd: root });
    await execute('tar', ['-xf', tar, '-C', dir]);
  } catch (error) {
    throw new CommandError(`${ref} is neither a directory nor a commit with a proto/ directory.`, { cause: error });
  } finally {
    await rm(tar, { force: true });
  }
}
