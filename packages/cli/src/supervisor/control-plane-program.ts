import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';

const packageName = '@weft/control-plane';

const packageSchema = z.object({ bin: z.union([z.string(), z.record(z.string(), z.string())]) });

/**
 * The control plane program that belongs to this CLI: from the package installed beside it, as source or built.
 *
 * @throws CommandError when the package is not installed.
 */
export function controlPlaneProgram(): string {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${packageName}/package.json`);
  } catch (error) {
    throw new CommandError(`${packageName} is not installed beside @weft/cli; run \`npm install\` again.`, {
      cause: error,
    });
  }
  const { bin } = packageSchema.parse(JSON.parse(readFileSync(manifest, 'utf8')));
  const program = typeof bin === 'string' ? bin : bin['weft-control-plane'];
  if (program === undefined) throw new CommandError(`${manifest} names no bin weft-control-plane; reinstall it.`);
  return join(dirname(manifest), program);
}
