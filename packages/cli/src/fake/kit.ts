import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const kitName = '@weft/service-kit';

/** The parts of the service kit that a fake needs. */
export type Kit = typeof import('@weft/service-kit');

/**
 * The service kit from the first of these directories that has it installed, or else the command's own. The project comes first because
 * handlers throw the error classes of the kit that they import.
 */
export async function loadKit(directories: readonly string[]): Promise<Kit> {
  const starts = [...directories.map((directory) => join(directory, 'package.json')), import.meta.url];
  for (const start of starts) {
    let path: string;
    try {
      path = createRequire(start).resolve(kitName);
    } catch {
      continue;
    }
    return await import(pathToFileURL(path).href);
  }
  throw new Error(`${kitName} is not installed; run \`npm install\` again`);
}
