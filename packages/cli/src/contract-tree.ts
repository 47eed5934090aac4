import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { CommandError } from './command-error.ts';
import { compileProtos } from './generate/compile-protos.ts';
import { installedContracts } from './generate/installed-contracts.ts';
import { protoFilesIn } from './generate/proto-files.ts';
import { problemLine } from './generate/proto-problem.ts';
import type { Project } from './project.ts';

const execute = promisify(execFile);

/** The source of contracts: a commit of the project's repository, or a directory of .proto files. */
export type ContractTree = { readonly ref: string } | { readonly directory: string };

/**
 * Builds the descriptor set of a tree of contracts, with source positions. Resolves imports from the tree, then from the project's
 * installed packages. Leaves no files behind; rejects with a CommandError.
 */
export async function buildContractTree(project: Project, tree: ContractTree): Promise<Uint8Array> {
  if ('directory' in tree) return compileTree(project, tree.directory, tree.directory);
  const directory = await mkdtemp(join(tmpdir(), 'weft-commit-'));
  try {
    await checkOut(project, tree.ref, directory);
    return await compileTree(project, directory, tree.ref);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** `directory` contains the project's folders of contracts, or is one. */
async function compileTree(project: Project, directory: string, name: string): Promise<Uint8Array> {
  const folders = contractFolders(project)
    .map((folder) => join(directory, folder))
    .filter((folder) => existsSync(folder));
  const files = (folders.length > 0 ? folders : [directory]).flatMap((folder) => protoFilesIn(folder));
  if (files.length === 0) throw new CommandError(`There is no .proto file in ${name}.`);
  const imported = installedContracts(project).flatMap((contract) => contract.files);
  const compiled = await compileProtos(files, imported);
  if ('descriptorSet' in compiled) return compiled.descriptorSet;
  const lines = compiled.problems.map((problem) => problemLine(problem, directory));
  throw new CommandError(`The contracts of ${name} do not compile: ${lines.join('\n')}`);
}

function contractFolders({ root, contractsDirs }: Project): string[] {
  return contractsDirs.map((folder) => relative(root, folder));
}

async function checkOut(project: Project, ref: string, directory: string): Promise<void> {
  const tar = join(directory, 'tree.tar');
  const folders = contractFolders(project);
  const git = (...args: string[]) => execute('git', args, { cwd: project.root });
  try {
    const commit = await git('rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`);
    await git('archive', '--output', tar, commit.stdout.trim(), ...folders);
    await execute('tar', ['-xf', tar, '-C', directory]);
  } catch (error) {
    if (!(await isRepository(project.root))) {
      throw new CommandError(
        `${ref} is not a directory, and no commit either, because ${project.root} is not in a git repository. ` +
          'Commit the project first (`git init`), or compare two directories.',
        { cause: error },
      );
    }
    const wanted = folders.map((folder) => `${folder}/`).join(' and ');
    throw new CommandError(`${ref} is neither a directory nor a commit with a ${wanted} directory.`, { cause: error });
  } finally {
    await rm(tar, { force: true });
  }
}

async function isRepository(directory: string): Promise<boolean> {
  return execute('git', ['rev-parse', '--git-dir'], { cwd: directory }).then(
    () => true,
    () => false,
  );
}
