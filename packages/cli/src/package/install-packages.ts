import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { copyFile } from './copy-sources.ts';
import { runCommand } from './run-command.ts';
import { type Installation, readPackageJson, type Workspace } from './workspaces.ts';

/** Files that only say what to install, and maybe by which token; none belongs into an image. */
const installedBy = ['package-lock.json', 'pnpm-lock.yaml', '.npmrc', 'node_modules/.package-lock.json'];

/**
 * Installs into `target` what the first of `workspaces` needs when it runs, by the installation's lock file, for Linux on this
 * machine's processor. Packages run no install scripts.
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
  const { workspaces: _, ...json } = readPackageJson(root);
  const patches = /"?patchedDependencies"?/.test(text + JSON.stringify(json))
    ? globSync('patches/*', { cwd: root })
    : [];
  return [...new Set([...named, ...patches])].filter((file) => !file.startsWith('..') && existsSync(join(root, file)));
}
