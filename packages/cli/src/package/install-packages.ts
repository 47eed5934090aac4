import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyFile } from './copy-sources.ts';
import { runCommand } from './run-command.ts';
import type { Installation, Workspace } from './workspaces.ts';

/** Files that control an installation (and may contain a token), or record when and where it ran. None belongs in an image. */
const installedBy = [
  'package-lock.json',
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  '.npmrc',
  '.pnpmfile.cjs',
  'node_modules/.package-lock.json',
  'node_modules/.modules.yaml',
  'node_modules/.pnpm-workspace-state-v1.json',
  'node_modules/.pnpm/lock.yaml',
];

/**
 * Installs into `target` what the first of `workspaces` needs at run time, from the installation's lock file, for Linux on this machine's
 * architecture. Packages run no install scripts.
 */
export async function installPackages(
  installation: Installation,
  workspaces: readonly Workspace[],
  target: string,
): Promise<void> {
  const { root, manager, lockFile } = installation;
  for (const file of ['package.json', lockFile, '.npmrc', 'pnpm-workspace.yaml', '.pnpmfile.cjs'])
    copyFile(file, root, target);
  for (const { path } of workspaces) copyFile(join(path, 'package.json'), root, target);
  for (const file of localFiles(root, lockFile)) copyFile(file, root, target);
  const own = workspaces[0]?.path ?? '.';
  const failed = `${manager} could not install the packages of ${own === '.' ? 'the service' : own} by ${join(root, lockFile)}`;
  await runCommand(manager === 'npm' ? npmCommand(own) : pnpmCommand(own), { cwd: target, failed });
  for (const file of [...installedBy, ...localFiles(root, lockFile)]) rmSync(join(target, file), { force: true });
}

function npmCommand(own: string): string[] {
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const platform = ['--os=linux', `--cpu=${process.arch}`, '--libc=glibc'];
  const workspace = own === '.' ? [] : ['--workspace', own];
  return ['npm', 'ci', '--omit=dev', '--ignore-scripts', ...platform, ...quiet, ...workspace];
}

function pnpmCommand(own: string): string[] {
  const filter = own === '.' ? [] : ['--filter', `{./${own}}...`];
  return ['pnpm', ...filter, 'install', '--prod', '--frozen-lockfile', '--ignore-scripts', '--reporter=append-only'];
}

/** Tarballs and patches inside the project that its lock file names. */
function localFiles(root: string, lockFile: string): string[] {
  const text = readFileSync(join(root, lockFile), 'utf8');
  const named = [...text.matchAll(/\bfile:([\w@./-]+\.tgz)\b/g)].map(([, file = '']) => file);
  const patches = text.includes('patchedDependencies') ? globSync('patches/*', { cwd: root }) : [];
  return [...new Set([...named, ...patches])].filter((file) => !file.startsWith('..') && existsSync(join(root, file)));
}
