import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Packed, packAll } from '../scripts/pack/pack-all.ts';
import { withPackLock } from '../scripts/pack/pack-lock.ts';

/** What decides what is in the packages. */
const inputs = [
  'packages/*/{package.json,README.md}',
  'packages/*/{src,bin,docs,proto,templates,migrations,descriptors}/**/*',
  'charts/service/**/*',
  'services/control-plane/{package.json,README.md}',
  'services/control-plane/src/**/*',
  // The template of the shop.
  'packages/create-weft/{scripts,shop-files}/**/*',
  'proto/shop/**/*.proto',
  'services/*/{package.json,README.md,weft.yaml,src/**/*,migrations/*}',
  'scripts/pack/*.ts',
  '{package.json,package-lock.json,tsconfig.json,LICENSE}',
];

/** Packages of other content that nobody has asked for since are removed. */
const keptMs = 3_600_000;

/**
 * All published packages, packed; from dist/packed when they have been packed before with the same content. Processes that ask at the
 * same time get the same files.
 */
export async function packedPackages(root: string): Promise<readonly Packed[]> {
  const digest = digestOf(root);
  const all = join(root, 'dist/packed');
  const directory = join(all, digest.slice(0, 16));
  return await withPackLock(root, async () => {
    const list = join(directory, 'packages.json');
    if (existsSync(list)) {
      const found: { packed: readonly Packed[] } = JSON.parse(readFileSync(list, 'utf8'));
      if (found.packed.every(({ file }) => existsSync(file))) {
        utimesSync(directory, new Date(), new Date());
        return found.packed;
      }
    }
    removeUnused(all);
    rmSync(directory, { recursive: true, force: true });
    const packed = await packAll(root, directory);
    // A list that is there names files that are complete.
    writeFileSync(`${list}.new`, JSON.stringify({ packed }));
    renameSync(`${list}.new`, list);
    return packed;
  });
}

function removeUnused(all: string): void {
  if (!existsSync(all)) return;
  for (const name of readdirSync(all)) {
    const path = join(all, name);
    if (Date.now() - statSync(path).mtimeMs > keptMs) rmSync(path, { recursive: true, force: true });
  }
}

function digestOf(root: string): string {
  const hash = createHash('sha256');
  for (const file of globSync(inputs, { cwd: root }).sort()) {
    const path = join(root, file);
    if (statSync(path).isFile()) hash.update(`\0${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}
