import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PackageManager, packageManagerOf } from '../package-manager.ts';
import type { ServiceManifest } from '../service-manifest.ts';

/** What runs the tests of a service, in its folder. */
export type TestCommand = readonly [program: string, ...args: string[]];

/**
 * The tests of a service: `test` in its weft.yaml, else the script of that name in its package.json, run by the project's package manager.
 * Undefined: it has none.
 */
export function testsOf(service: Pick<ServiceManifest, 'directory' | 'test'>, root: string): TestCommand | undefined {
  const [program, ...args] = service.test ?? [];
  if (program !== undefined) return [program, ...args];
  const file = join(service.directory, 'package.json');
  const script = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).scripts?.test : undefined;
  return script === undefined ? undefined : scriptRunner[packageManagerOf(root)];
}

const scriptRunner: Readonly<Record<PackageManager, TestCommand>> = {
  npm: ['npm', 'test', '--silent'],
  pnpm: ['pnpm', '--silent', 'test'],
  yarn: ['yarn', 'run', 'test'],
  bun: ['bun', 'run', 'test'],
};
