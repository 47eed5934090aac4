/**
 * Builds the container images of this repository, each tagged by its content.
 *
 *   node scripts/images.ts [NAME...] [--builder COMMAND] [--registry PREFIX] [--force]
 *
 *   dist/images.json         name -> tag; the charts take it from charts/*\/images.json
 *   dist/sbom/<name>.json    CycloneDX
 *
 * COMMAND is called as `COMMAND <image> <context> -f <Dockerfile> --label ...`. Default: $WEFT_IMAGE_BUILDER, else `docker build`, else
 * `buildah build`. An image whose content has not changed since it was built here is not built again, but with --force.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type ImageBuilder, imageBuilder } from '../packages/cli/src/package/image-builder.ts';
import { softwareBill } from '../packages/cli/src/package/software-bill.ts';
import { allImages, imageInputs } from './image-inputs.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    builder: { type: 'string' },
    registry: { type: 'string', default: 'docker.io/weft' },
    force: { type: 'boolean', default: false },
  },
});

const images = allImages(root);
const unknown = positionals.find((name) => !images.some((image) => image.name === name));
if (unknown !== undefined) fail(`there is no image ${unknown}; there are ${images.map(({ name }) => name).join(', ')}`);
const chosen = positionals.length === 0 ? images : images.filter(({ name }) => positionals.includes(name));
const build = imageBuilder(values.builder ?? process.env.WEFT_IMAGE_BUILDER);
const record = join(dist, 'images-built.json');
const built: Record<string, string> = readRecord(record);
const tags: Record<string, string> = readRecord(join(dist, 'images.json'));

mkdirSync(join(dist, 'sbom'), { recursive: true });
for (const image of chosen) {
  const inputs = imageInputs(root, image);
  const tag = `${version}-${inputs.digest}`;
  const reference = `${values.registry}/${image.name}:${tag}`;
  const key = `${build.label} ${reference}`;
  if (built[image.name] === key && !values.force && isThere(build, reference)) {
    console.log(`images: ${reference} is there`);
  } else {
    console.log(`images: ${reference}`);
    const labels = { 'org.opencontainers.image.version': tag };
    execute(build.command({ reference, context: image.context, dockerfile: image.dockerfile, labels }));
    built[image.name] = key;
    write(record, built);
  }
  tags[image.name] = tag;
  const bill = softwareBill({ name: image.name, version: tag, bases: inputs.bases }, inputs.packages);
  write(join(dist, 'sbom', `${image.name}.json`), bill);
}
write(join(dist, 'images.json'), tags);
for (const chart of ['weft', 'service', 'shop']) write(join(root, 'charts', chart, 'images.json'), tags);

/** Whether an image that was built here is still there, as far as the builder can tell. */
function isThere({ has }: ImageBuilder, reference: string): boolean {
  if (has === undefined) return true;
  const [tool = '', ...args] = has(reference);
  return spawnSync(tool, args, { stdio: 'ignore' }).status === 0;
}

function execute([command = '', ...args]: readonly string[]): void {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (error) fail(`${command}: ${error.message}`);
  if (status !== 0) fail(`${command} ended with exit code ${status}`);
}

function readRecord(path: string): Record<string, string> {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

function write(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function fail(message: string): never {
  console.error(`images: ${message}`);
  process.exit(1);
}
