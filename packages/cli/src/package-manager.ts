import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const packageManagers = ['npm', 'pnpm', 'yarn', 'bun'] as const;

/** The package manager of a project. */
export type PackageManager = (typeof packageManagers)[number];

const lockFiles: readonly (readonly [file: string, packageManager: PackageManager])[] = [
  ['package-lock.json', 'npm'],
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
];

/** The package manager of a project: the one in its package.json, or else the one of its lock file, or else npm. */
export function packageManagerOf(root: string): PackageManager {
  return toldPackageManager(root) ?? 'npm';
}

function toldPackageManager(root: string): PackageManager | undefined {
  const file = join(root, 'package.json');
  const named = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packageManager : undefined;
  if (typeof named === 'string') return packageManagers.find((each) => named.startsWith(`${each}@`));
  if (existsSync(join(root, 'pnpm-workspace.yaml'))) return 'pnpm';
  return lockFiles.find(([name]) => existsSync(join(root, name)))?.[1];
}

/** Whether a project has a lock file, which must be updated for a new package. */
export function hasLockFile(root: string): boolean {
  return lockFiles.some(([name]) => existsSync(join(root, name)));
}

/** The command that runs the project's `weft`. */
export const weftCommand: Readonly<Record<PackageManager, string>> = {
  npm: 'npx weft',
  pnpm: 'pnpm weft',
  yarn: 'yarn weft',
  bun: 'bunx weft',
};

/** How the person who runs this process runs `weft`: by the package manager that has started it, else by that of the directory. */
export function weftHere(env: NodeJS.ProcessEnv = process.env, directory: string = process.cwd()): string {
  const [agent] = (env.npm_config_user_agent ?? '').split('/');
  const started = packageManagers.find((each) => each === agent);
  return weftCommand[started ?? nearestPackageManager(directory)];
}

function nearestPackageManager(directory: string): PackageManager {
  const told = toldPackageManager(directory);
  const above = dirname(directory);
  return told ?? (above === directory ? 'npm' : nearestPackageManager(above));
}

const installFlags: Readonly<Record<PackageManager, readonly string[]>> = {
  npm: ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'],
  // In CI, pnpm and yarn refuse to change a lock file unless they are told to.
  pnpm: ['--prefer-offline', '--no-frozen-lockfile', '--reporter=silent'],
  yarn: [],
  bun: ['--silent'],
};

/**
 * Installs a project's packages, from the cache if possible, and updates its lock file. Resolves with the reason of a failure, or
 * undefined.
 */
export function install(packageManager: PackageManager, root: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(packageManager, ['install', ...installFlags[packageManager]], {
      cwd: root,
      env: { ...process.env, YARN_ENABLE_IMMUTABLE_INSTALLS: 'false' },
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
