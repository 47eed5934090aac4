import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Packed, packAll } from '../scripts/pack/pack-all.ts';

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

/** All published packages, packed; from dist/packed when they have been packed before with the same content. */
export async function packedPackages(root: string): Promise<readonly Packed[]> {
  const directory = join(root, 'dist/packed');
  const digest = digestOf(root);
  const list = join(directory, 'packages.json');
  if (existsSync(list)) {
    const found: { digest: string; packed: readonly Packed[] } = JSON.parse(readFileSync(list, 'utf8'));
    if (found.digest === digest && found.packed.every(({ file }) => existsSync(file))) return found.packed;
  }
  rmSync(directory, { recursive: true, force: true });
  const packed = await packAll(root, directory);
  // A list that is there names files that are complete.
  writeFileSync(`${list}.new`, JSON.stringify({ digest, packed }));
  renameSync(`${list}.new`, list);
  return packed;
}

function digestOf(root: string): string {
  const hash = createHash('sha256');
  for (const file of globSync(inputs, { cwd: root }).sort()) {
    const path = join(root, file);
    if (statSync(path).isFile()) hash.update(`\0${file}\0`).update(readFileSync(path));
  }
  return hash.digest('hex');
}
