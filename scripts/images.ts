/**
 * Builds the container images of this repository, each tagged by its content.
 *
 *   node scripts/images.ts [NAME...] [--builder COMMAND] [--registry PREFIX] [--force]
 *
 *   dist/images.json         name -> tag; the charts take it from charts/*\/images.json
 *   dist/images-built.json   name -> reference, and the digest of its manifest where the builder gives one
 *   dist/sbom/<name>.json    CycloneDX
 *
 * COMMAND is called as `COMMAND <image> <context> -f <Dockerfile> --label ...`; a line `sha256:...` that it prints is the digest. Default: $WEFT_IMAGE_BUILDER, else `docker build`, else
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
const built: Record<string, BuiltImage> = readRecord(record);
const tags: Record<string, string> = readRecord(join(dist, 'images.json'));

mkdirSync(join(dist, 'sbom'), { recursive: true });
for (const image of chosen) {
  const inputs = imageInputs(root, image);
  const tag = `${version}-${inputs.digest}`;
  const reference = `${values.registry}/${image.name}:${tag}`;
  const before = built[image.name];
  const isBuilt = before?.reference === reference && before.builder === build.label;
  if (isBuilt && !values.force && build.has(reference)) {
    console.log(`images: ${reference} is there`);
  } else {
    console.log(`images: ${reference}`);
    const digest = build.run(reference, image, tag);
    built[image.name] = { builder: build.label, reference, ...(digest === undefined ? {} : { digest }) };
    write(record, built);
  }
  tags[image.name] = tag;
  const bill = softwareBill({ name: image.name, version: tag, bases: inputs.bases }, inputs.packages);
  write(join(dist, 'sbom', `${image.name}.json`), bill);
}
write(join(dist, 'images.json'), tags);
for (const chart of ['weft', 'shop']) write(join(root, 'charts', chart, 'images.json'), tags);

interface BuiltImage {
  readonly builder: string;
  readonly reference: string;
  readonly digest?: string;
}

interface Builder {
  readonly label: string;
  /** Returns the digest of the image's manifest, where it is known before the image is pushed. */
  run(reference: string, image: Image, tag: string): string | undefined;
  /** Whether an image that was built here is still there, as far as the builder can tell. */
  has(reference: string): boolean;
}

function builder(): Builder {
  const own = values.builder ?? process.env.WEFT_IMAGE_BUILDER;
  if (own) {
    const [command = '', ...words] = own.trim().split(/\s+/);
    return {
      label: own,
      run: (reference, image, tag) => {
        const said = execute(command, [...words, reference, image.context, ...options(image, tag)]);
        return /^sha256:[0-9a-f]{64}$/m.exec(said)?.[0];
      },
      has: () => true,
    };
  }
  const tool = ['docker', 'buildah'].find(onPath);
  if (tool === undefined)
    fail('neither docker nor buildah is here; name what builds images by --builder or WEFT_IMAGE_BUILDER');
  return {
    label: tool,
    run: (reference, image, tag) => {
      const layers = tool === 'buildah' ? ['--layers'] : [];
      execute(tool, ['build', '-t', reference, ...options(image, tag), ...layers, image.context]);
      return digestOf(tool, reference);
    },
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

/** Docker knows it where its store is containerd's, or the image was pushed before. */
function digestOf(tool: string, reference: string): string | undefined {
  const args =
    tool === 'docker'
      ? ['image', 'inspect', '--format', '{{join .RepoDigests "\\n"}}', reference]
      : ['inspect', '--type', 'image', '--format', '{{.FromImageDigest}}', reference];
  const { stdout } = spawnSync(tool, args, { encoding: 'utf8' });
  return /sha256:[0-9a-f]{64}/.exec(stdout ?? '')?.[0];
}

/** Shows what the command prints, and returns what went to stdout. */
function execute(command: string, args: readonly string[]): string {
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
