import { spawn } from 'node:child_process';
import { delimiter, join } from 'node:path';
import type { ServiceManifest } from '../service-manifest.ts';
import type { TestCommand } from './tests-of-service.ts';

/** How the tests of a service ended. */
export interface TestResult {
  readonly service: string;
  /** Why they failed; undefined: they passed. */
  readonly failure?: string;
  readonly seconds: number;
}

/** Runs the tests of a service in its folder. What they print goes to file descriptor `output`. */
export async function runTests(
  service: Pick<ServiceManifest, 'name' | 'directory' | 'env'>,
  [program, ...args]: TestCommand,
  { root, output }: { readonly root: string; readonly output: number },
): Promise<TestResult> {
  const begunMs = performance.now();
  // The project's own Node and tools come before the machine's.
  const folders = [service.directory, root].map((folder) => join(folder, 'node_modules/.bin'));
  const child = spawn(program, args, {
    cwd: service.directory,
    env: { ...process.env, ...service.env, PATH: [...folders, process.env.PATH ?? ''].join(delimiter) },
    stdio: ['ignore', output, output],
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`${program} could not be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(undefined);
      else resolve(signal ? `ended by ${signal}` : `exit code ${code}`);
    });
  });
  const seconds = (performance.now() - begunMs) / 1_000;
  return { service: service.name, seconds, ...(failure === undefined ? {} : { failure }) };
}

/** All results in one line: "3 services tested: 2 passed, 1 failed (bread: exit code 1); no tests: oven". */
export function summaryOf(results: readonly TestResult[], without: readonly string[]): string {
  const failed = results.filter(({ failure }) => failure !== undefined);
  const names = failed.map(({ service, failure }) => `${service}: ${failure}`).join(', ');
  const count = `${results.length} ${results.length === 1 ? 'service' : 'services'} tested`;
  const counts = `${results.length - failed.length} passed, ${failed.length} failed${names && ` (${names})`}`;
  return `${count}: ${counts}${without.length === 0 ? '' : `; no tests: ${without.join(', ')}`}`;
}
