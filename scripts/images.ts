/**
 * Builds the container images of this repository, each tagged by its content.
 *
 *   node scripts/images.ts [NAME...] [--builder COMMAND] [--registry PREFIX] [--force]
 *
 *   dist/images.json         name -> tag; the charts take it from charts/*\/images.json
 *   dist/images-built.json   name -> reference, and the digest of its manifest where the builder gives one
 *   dist/sbom/<name>.json    CycloneDX
 *
 * COMMAND is called as `COMMAND <image> <context> -f <Dockerfile> --label ...`; a line `sha256:...` that it prints is the digest.
 * Default: $WEFT_IMAGE_BUILDER, else `docker build`, else `buildah build`. An image whose content has not changed since it was built here is not built again, but with --force.
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
const built: Record<string, BuiltImage> = readRecord(record);
const tags: Record<string, string> = readRecord(join(dist, 'images.json'));

mkdirSync(join(dist, 'sbom'), { recursive: true });
for (const image of chosen) {
  const inputs = imageInputs(root, image);
  const tag = `${version}-${inputs.digest}`;
  const reference = `${values.registry}/${image.name}:${tag}`;
  const before = built[image.name];
  const isBuilt = before?.reference === reference && before.builder === build.label;
  if (isBuilt && !values.force && isThere(build, reference)) {
    console.log(`images: ${reference} is there`);
  } else {
    console.log(`images: ${reference}`);
    const labels = { 'org.opencontainers.image.version': tag };
    const said = execute(build.command({ reference, context: image.context, dockerfile: image.dockerfile, labels }));
    const digest = /^sha256:[0-9a-f]{64}$/m.exec(build.digest ? output(build.digest(reference)) : said)?.[0];
    built[image.name] = { builder: build.label, reference, ...(digest === undefined ? {} : { digest }) };
    write(record, built);
  }
  tags[image.name] = tag;
  const bill = softwareBill({ name: image.name, version: tag, bases: inputs.bases }, inputs.packages);
  write(join(dist, 'sbom', `${image.name}.json`), bill);
}
write(join(dist, 'images.json'), tags);
for (const chart of ['weft', 'service', 'shop']) write(join(root, 'charts', chart, 'images.json'), tags);

interface BuiltImage {
  readonly builder: string;
  readonly reference: string;
  readonly digest?: string;
}

/** Whether an image that was built here is still there, as far as the builder can tell. */
function isThere({ has }: ImageBuilder, reference: string): boolean {
  if (has === undefined) return true;
  const [tool = '', ...args] = has(reference);
  return spawnSync(tool, args, { stdio: 'ignore' }).status === 0;
}

/** What a command prints; nothing when it fails. */
function output([command = '', ...args]: readonly string[]): string {
  return spawnSync(command, args, { encoding: 'utf8' }).stdout ?? '';
}

/** Shows what the command prints, and returns what went to stdout. */
function execute([command = '', ...args]: readonly string[]): string {
  const { status, error, stdout } = spawnSync(command, args, {
    cwd: root,
    stdio: ['inherit', 'pipe', 'inherit'],
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  if (error) fail(`${command}: ${error.message}`);
  process.stdout.write(stdout);
  if (status !== 0) fail(`${command} ended with exit code ${status}`);
  return stdout;
}

function readRecord<T>(path: string): Record<string, T> {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {};
}

function write(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

function fail(message: string): never {
  console.error(`images: ${message}`);
  process.exit(1);
}
