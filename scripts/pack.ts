/**
 * Packs every published package as its users install it: JavaScript with declarations instead of the TypeScript that this
 * repository runs directly (Node does not strip types below node_modules).
 *
 *   node scripts/pack.ts [DIR]     writes the tarballs to DIR (default: dist/packages) and prints their paths
 */
import { join, resolve } from 'node:path';
import { packAll } from './pack/pack-all.ts';
import { withPackLock } from './pack/pack-lock.ts';

const root = join(import.meta.dirname, '..');

try {
  const target = resolve(process.argv[2] ?? join(root, 'dist/packages'));
  for (const { file } of await withPackLock(root, () => packAll(root, target))) console.log(file);
} catch (error) {
  console.error(`pack: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
