import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../command-error.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { chartDirectory } from './chart-directory.ts';
import { chartValues } from './chart-values.ts';
import { baseImages } from './dockerfile.ts';
import { imageBuilder } from './image-builder.ts';
import { generatedImage, type ImageSource, ownImage } from './image-source.ts';
import { runCommand } from './run-command.ts';
import { softwareBill } from './software-bill.ts';

/** What to package, and where to write it. */
export interface PackageOptions {
  readonly service: ServiceManifest;
  /** The project's root. */
  readonly root: string;
  /** The FileDescriptorSet of its contract: a file. */
  readonly descriptorFile?: string;
  /** Where images go: "docker.io/bakery". */
  readonly registry: string;
  /** The database of its schema in the cluster. */
  readonly database: string;
  /** The directory to write, absolute. The output of an earlier run is replaced. */
  readonly out: string;
  /** The build context of the service's own Dockerfile, absolute. Default: the project for Node, the service's folder for a command. */
  readonly context?: string;
  /** The command that builds images. Default: docker, else buildah. */
  readonly builder?: string;
  /** Lays out the build context but builds no image. Default: false. */
  readonly noImage?: boolean;
  /** Receives progress and notes. */
  readonly say: (line: string) => void;
}

/** A packaged service. */
export interface PackagedService {
  /** "docker.io/bakery/cart:0.1.0-0123456789ab". */
  readonly image: string;
  readonly source: ImageSource;
  readonly chart: string;
  readonly values: string;
  /** The contract's descriptor set in `out`. */
  readonly contract?: string;
  /** The command that builds the image; undefined if it was built. */
  readonly build?: readonly string[];
}

/** Builds the image of a service, and a directory that installs it: the chart, its values, the contract, a bill of materials. */
export async function packageService(options: PackageOptions): Promise<PackagedService> {
  const { service, out, registry, say } = options;
  if (service.contract && !options.descriptorFile) {
    throw new CommandError(
      `${service.file}: no contract ${service.contract} was generated; correct contract, or run \`weft generate\`.`,
    );
  }
  mkdirSync(out, { recursive: true });
  const source = await sourceOf(options);
  for (const { name } of source.packages.filter(({ compiles }) => compiles)) {
    say(
      `${name} compiles code when it is installed, and its install script did not run. If the service needs it, give the service a Dockerfile.`,
    );
  }
  const tag = `${source.version}-${source.digest}`;
  const image = `${registry}/${service.name}:${tag}`;
  const dockerfile = readFileSync(source.dockerfile, 'utf8');
  const build = imageCommand(options, source, image, tag);
  if (!options.noImage) {
    say(`Building ${image} ...`);
    await runCommand(build, { cwd: options.root, failed: `The image ${image} was not built` });
  }
  const chart = join(out, 'chart');
  rmSync(chart, { recursive: true, force: true });
  cpSync(chartDirectory, chart, { recursive: true, dereference: true });
  const descriptorSet = options.descriptorFile && readFileSync(options.descriptorFile);
  const values = join(out, 'values.yaml');
  const { user } = source;
  const text = chartValues(service, {
    image: { registry, name: service.name, tag, ...(user === undefined ? {} : { user }) },
    database: options.database,
    ...(descriptorSet ? { descriptorSet } : {}),
  });
  writeFileSync(values, text);
  const bill = softwareBill({ name: service.name, version: tag, bases: baseImages(dockerfile) }, source.packages);
  writeFileSync(join(out, 'sbom.json'), `${JSON.stringify(bill, null, 2)}\n`);
  const contract = join(out, `${service.contract}.binpb`);
  if (descriptorSet) writeFileSync(contract, descriptorSet);
  return {
    image,
    source,
    chart,
    values,
    ...(descriptorSet ? { contract } : {}),
    ...(options.noImage ? { build } : {}),
  };
}

async function sourceOf({ service, root, out, context, say }: PackageOptions): Promise<ImageSource> {
  const own = ownImage(service, root, out, context);
  if (own) return own;
  if (context !== undefined) {
    throw new CommandError(
      `${join(service.directory, 'Dockerfile')} does not exist; create it, or leave out --context.`,
    );
  }
  say(`Installing the packages of ${service.name} ...`);
  return generatedImage(service, join(out, 'image'));
}

function imageCommand(options: PackageOptions, source: ImageSource, reference: string, tag: string): string[] {
  const { context, dockerfile } = source;
  const labels = { 'org.opencontainers.image.version': tag, 'org.opencontainers.image.title': options.service.name };
  const build = { reference, context, dockerfile, labels };
  // Without a local builder, the command is for another machine.
  if (options.noImage && !options.builder) return ['docker', 'build', '-t', reference, '-f', dockerfile, context];
  return imageBuilder(options.builder).command(build);
}
