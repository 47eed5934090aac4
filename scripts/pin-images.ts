/**
 * Names every image that Weft did not build itself by its digest: the bases of Dockerfiles, Envoy, and PostgreSQL.
 *
 *   node scripts/pin-images.ts            asks the registries by `docker buildx imagetools` and writes the digests
 *   node scripts/pin-images.ts --check    lists images without a digest; exit code 1 when there are some
 *
 * A tag can move to another image; a digest cannot. `make test` lists what is named by tag alone.
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinned, unpinnedImages } from './foreign-images.ts';

const root = join(import.meta.dirname, '..');
const files = globSync(['services/*/Dockerfile', 'images/*/Dockerfile', 'charts/*/values*.yaml'], { cwd: root }).sort();
const found = files.map((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return { file, text, images: unpinnedImages(text) };
});
const names = [...new Set(found.flatMap(({ images }) => images))].sort();

if (process.argv.includes('--check')) {
  for (const name of names) {
    console.log(`${name}: ${found.flatMap(({ file, images }) => (images.includes(name) ? [file] : [])).join(', ')}`);
  }
  process.exit(names.length > 0 ? 1 : 0);
}

const digests = new Map(names.map((name) => [name, digestOf(name)]));
for (const { file, text, images } of found) {
  if (images.length > 0) writeFileSync(join(root, file), pinned(text, digests));
}
for (const [name, digest] of digests) console.log(`${name}@${digest}`);

/** The digest of the index, which covers every platform. */
function digestOf(image: string): string {
  const { stdout, stderr, error, status } = spawnSync(
    'docker',
    ['buildx', 'imagetools', 'inspect', '--format', '{{.Manifest.Digest}}', image],
    { encoding: 'utf8' },
  );
  const digest = /sha256:[0-9a-f]{64}/.exec(stdout ?? '')?.[0];
  if (status === 0 && digest !== undefined) return digest;
  console.error(
    `pin-images: docker gave no digest for ${image}: ${error?.message ?? stderr.trim()}. Nothing was written.`,
  );
  process.exit(1);
}
