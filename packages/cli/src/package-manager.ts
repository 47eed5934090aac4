import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The package manager of a project. */
export type PackageManager = 'npm' | 'pnpm';

/** The package manager of a project: the one in its package.json, or else the one of its lock file, or else npm. */
export function packageManagerOf(root: string): PackageManager {
  const file = join(root, 'package.json');
  const named = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packageManager : undefined;
  if (typeof named === 'string') return named.startsWith('pnpm@') ? 'pnpm' : 'npm';
  return ['pnpm-lock.yaml', 'pnpm-workspace.yaml'].some((name) => existsSync(join(root, name))) ? 'pnpm' : 'npm';
}

/** Whether a project has a lock file, which must be updated for a new package. */
export function hasLockFile(root: string): boolean {
  return ['package-lock.json', 'pnpm-lock.yaml'].some((name) => existsSync(join(root, name)));
}

/** The command that runs the project's `weft`. */
export const weftCommand: Readonly<Record<PackageManager, string>> = { npm: 'npx weft', pnpm: 'pnpm weft' };

/** Installs a project's packages, from the cache if possible. Resolves with the reason of a failure, or undefined. */
export function install(packageManager: PackageManager, root: string): Promise<string | undefined> {
  const quiet = packageManager === 'npm' ? ['--no-audit', '--no-fund', '--loglevel=error'] : ['--reporter=silent'];
  return new Promise((resolve) => {
    const child = spawn(packageManager, ['install', '--prefer-offline', ...quiet], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(undefined);
      const lines = said.split('\n').map((line) => line.replace(/^npm error (code .*)?/, '').trim());
      const reason = lines.find((line) => line !== '' && !line.startsWith('npm warn'));
      resolve(reason ?? (signal ? `it was killed by ${signal}` : `it exited with code ${code}`));
    });
  });
}
