// @ts-check
import { spawn } from 'node:child_process';

/** @typedef {'npm' | 'pnpm'} PackageManager */

/** @type {readonly PackageManager[]} */
export const packageManagers = ['npm', 'pnpm'];

/**
 * The package manager that started this process: npm and pnpm say so in npm_config_user_agent ("pnpm/10.2.0 npm/? node/...").
 * @param {string | undefined} userAgent
 * @returns {PackageManager} npm for any other.
 */
export function packageManagerOf(userAgent) {
  return userAgent?.startsWith('pnpm/') ? 'pnpm' : 'npm';
}

/**
 * The command that runs the project's own `weft`.
 * @param {PackageManager} packageManager
 */
export function weftCommand(packageManager) {
  return packageManager === 'pnpm' ? 'pnpm weft' : 'npx weft';
}

/**
 * Installs the project's packages. The package manager's output goes to stderr, so that stdout has only the result.
 * @param {PackageManager} packageManager
 * @param {string} directory
 * @returns {Promise<string | undefined>} Why it failed; undefined when it did not.
 */
export function install(packageManager, directory) {
  const args = packageManager === 'npm' ? ['install', '--no-fund', '--no-audit', '--loglevel=error'] : ['install'];
  return new Promise((resolve) => {
    const child = spawn(packageManager, args, {
      cwd: directory,
      stdio: ['ignore', 2, 2],
      // On Windows both are scripts, which only a shell can start.
      shell: process.platform === 'win32',
    });
    child.once('error', (error) =>
      resolve('code' in error && error.code === 'ENOENT' ? `${packageManager} is not installed` : error.message),
    );
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal ? `it was killed by ${signal}` : `it exited with code ${code}`);
    });
  });
}
