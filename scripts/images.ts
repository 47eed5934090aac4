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
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { allImages, type Image, imageInputs } from './image-inputs.ts';
import { softwareBill } from './software-bill.ts';

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
const build = builder();
const record = join(dist, 'images-built.json');
const built: Record<string, string> = readRecord(record);
const tags: Record<string, string> = readRecord(join(dist, 'images.json'));

mkdirSync(join(dist, 'sbom'), { recursive: true });
for (const image of chosen) {
  const inputs = imageInputs(root, image);
  const tag = `${version}-${inputs.digest}`;
  const reference = `${values.registry}/${image.name}:${tag}`;
  const key = `${build.label} ${reference}`;
  if (built[image.name] === key && !values.force && build.has(reference)) {
    console.log(`images: ${reference} is there`);
  } else {
    console.log(`images: ${reference}`);
    build.run(reference, image, tag);
    built[image.name] = key;
    write(record, built);
  }
  tags[image.name] = tag;
  const bill = softwareBill({ name: image.name, version: tag, bases: inputs.bases }, inputs.packages);
  write(join(dist, 'sbom', `${image.name}.json`), bill);
}
write(join(dist, 'images.json'), tags);
for (const chart of ['weft', 'service', 'shop']) write(join(root, 'charts', chart, 'images.json'), tags);

interface Builder {
  readonly label: string;
  run(reference: string, image: Image, tag: string): void;
  /** Whether an image that was built here is still there, as far as the builder can tell. */
  has(reference: string): boolean;
}

function builder(): Builder {
  const own = values.builder ?? process.env.WEFT_IMAGE_BUILDER;
  if (own) {
    const [command = '', ...words] = own.trim().split(/\s+/);
    return {
      label: own,
      run: (reference, image, tag) => execute(command, [...words, reference, image.context, ...options(image, tag)]),
      has: () => true,
    };
  }
  const tool = ['docker', 'buildah'].find(onPath);
  if (tool === undefined)
    fail('neither docker nor buildah is here; name what builds images by --builder or WEFT_IMAGE_BUILDER');
  return {
    label: tool,
    run: (reference, image, tag) =>
      execute(tool, [
        'build',
        '-t',
        reference,
        ...options(image, tag),
        ...(tool === 'buildah' ? ['--layers'] : []),
        image.context,
      ]),
    has: (reference) =>
      spawnSync(tool, tool === 'docker' ? ['image', 'inspect', reference] : ['inspect', reference], { stdio: 'ignore' })
        .status === 0,
  };
}

function options(image: Image, tag: string): string[] {
  return ['-f', image.dockerfile, '--label', `org.opencontainers.image.version=${tag}`];
}

function onPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => existsSync(join(directory, command)));
}

function execute(command: string, args: readonly string[]): void {
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
