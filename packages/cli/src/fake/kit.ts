import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const kitName = '@weft/service-kit';

/** What a fake needs of the service kit. */
export type Kit = typeof import('@weft/service-kit');

/**
 * The service kit as these directories have it installed, the first that does; else the one that the command brings. It is looked for in
 * the project first because handlers throw the errors of the kit that they import.
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
