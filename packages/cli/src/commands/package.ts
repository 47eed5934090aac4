import { basename, dirname, join, relative, resolve } from 'node:path';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { Command, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import type { GeneratedContract } from '../contracts.ts';
import { findProject, type Project, servicePlaces } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { readServiceManifests } from '../service-manifests.ts';

interface PackageCommandOptions {
  readonly out?: string;
  readonly registry?: string;
  readonly builder?: string;
  readonly context?: string;
  readonly image: boolean;
}

/** `weft package`: builds everything that installs one service in a cluster. */
export function packageCommand(): Command {
  return new Command('package')
    .description(
      'Builds the image of one service and writes a directory that installs it: the chart with its values, the contract and a bill\n' +
        'of materials. If the service has a Dockerfile, it is used unchanged; a TypeScript service needs none. The image tag is\n' +
        'derived from its content. The last lines of the output are the commands that push and install it.',
    )
    .argument('<name>', 'the service, by the name in its weft.yaml')
    .option('--out <dir>', 'the directory to write (default: dist/<name> in the project)')
    .option(
      '--registry <prefix>',
      "where to push the image, for example registry.example.com/bakery (default: docker.io/ and the project's name)",
    )
    .addOption(
      new Option(
        '--builder <command>',
        'the command that builds the image, called as `COMMAND IMAGE CONTEXT -f DOCKERFILE --label ...` (default: docker, else buildah)',
      ).env('WEFT_IMAGE_BUILDER'),
    )
    .option(
      '--context <dir>',
      "the build context of the service's own Dockerfile (default: its folder; with main: the project)",
    )
    .option('--no-image', 'build no image, and print how to build it')
    .action((name: string, options: PackageCommandOptions) => packageOne(name, options));
}

async function packageOne(name: string, options: PackageCommandOptions): Promise<void> {
  const project = findProject();
  const contracts = await generatedNow(project);
  const service = serviceNamed(project, name);
  const { packageService } = await import('../package/package-service.ts');
  const descriptorFile = contracts.find(({ logicalName }) => logicalName === service.contract)?.descriptorFile;
  const packaged = await packageService({
    service,
    root: project.root,
    registry: (options.registry ?? `docker.io/${project.name}`).replace(/\/+$/, ''),
    database: project.name.replaceAll('-', '_'),
    out: options.out === undefined ? join(project.root, 'dist', service.name) : resolve(options.out),
    noImage: !options.image,
    say: (line) => console.error(line),
    ...(descriptorFile ? { descriptorFile } : {}),
    ...(options.context === undefined ? {} : { context: resolve(options.context) }),
    ...(options.builder === undefined ? {} : { builder: options.builder }),
  });
  const { helmCommand, helmNotes } = await import('../package/helm-command.ts');
  const here = (path: string) => relative(process.cwd(), path) || '.';
  console.log(`${packaged.image}\n`);
  if (packaged.build)
    console.log(`  ${packaged.build.map((word) => (word.startsWith('/') ? here(word) : word)).join(' ')}`);
  console.log(`  docker push ${packaged.image}`);
  console.log(`  ${helmCommand(service, { chart: here(packaged.chart), values: here(packaged.values) })}`);
  for (const note of helmNotes(service, options.registry)) console.error(note);
}

function serviceNamed(project: Project, name: string): ServiceManifest {
  const { services, problems } = readServiceManifests(servicePlaces(project));
  const found = services.find((service) => service.name === name);
  if (found) return found;
  const broken = problems.find(({ file }) => basename(dirname(file)) === name);
  if (broken) throw new CommandError(`${broken.file}: ${broken.message}`);
  const names = services.map((service) => service.name);
  throw new CommandError(
    `No service is named ${name}.${didYouMean(name, names)} Services: ${names.join(', ') || 'none'}.`,
  );
}

/** Generates the contracts from the current .proto files. */
async function generatedNow(project: Project): Promise<readonly GeneratedContract[]> {
  const [{ generate }, { problemLine }] = await Promise.all([
    import('../generate/index.ts'),
    import('../generate/proto-problem.ts'),
  ]);
  const { contracts, problems } = await generate(project, () => {});
  const [first] = problems;
  if (first) throw new CommandError(`The contracts do not compile: ${problemLine(first, project.root)}`);
  return contracts;
}
