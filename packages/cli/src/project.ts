import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CommandError, reasonOf } from './command-error.ts';
import { generatedContracts } from './contracts.ts';
import { parseYaml } from './parse-yaml.ts';
import { dnsLabelOf, type ProjectFile, projectFileName, projectFileSchema, type Use } from './project-file.ts';
import type { ServicePlaces } from './service-manifests.ts';

/** A checkout of a project that Weft runs. Every path is absolute. */
export interface Project {
  readonly root: string;
  /** The npm scope of its contracts, and usually the first part of their logical names: "bakery". */
  readonly name: string;
  /** The namespace of services that name none. */
  readonly namespace: string;
  /** Folders of .proto files. */
  readonly contractsDirs: readonly string[];
  /** Each folder in them with a weft.yaml is a service. */
  readonly servicesDirs: readonly string[];
  /** Where the contract packages are generated. */
  readonly generatedDir: string;
  /** The state of this checkout. */
  readonly stateDir: string;
  /** External services, as the project file names them. */
  readonly uses: readonly Use[];
  /** Logical names that the contracts may name although no contract here has them. */
  readonly elsewhere: readonly string[];
}

/**
 * Finds the project around `cwd`: the nearest directory at or above it with weft.project.yaml, or else the nearest with both proto/ and
 * services/. Throws a CommandError that says what to do if there is none, or if its file is invalid.
 */
export function findProject(cwd: string = process.cwd()): Project {
  const above = directoriesUp(resolve(cwd));
  const root =
    above.find((directory) => existsSync(join(directory, projectFileName))) ??
    above.find((directory) => existsSync(join(directory, 'proto')) && existsSync(join(directory, 'services')));
  if (root !== undefined) return projectAt(root);
  throw new CommandError(
    `There is no Weft project in ${cwd} or above it; change to a project's directory, or create a project with an empty ${projectFileName} beside proto/ and services/.`,
  );
}

/** The project at a known root. Throws a CommandError if its file is invalid. */
export function projectAt(root: string): Project {
  const file = readProjectFile(root);
  const name = file.name ?? dnsLabelOf(basename(root));
  const absolute = (paths: string | readonly string[]) => [paths].flat().map((path) => join(root, path));
  return {
    root,
    name,
    namespace: file.namespace ?? name,
    contractsDirs: absolute(file.contracts),
    servicesDirs: absolute(file.services),
    generatedDir: join(root, file.generated),
    stateDir: join(root, file.state),
    uses: file.uses,
    elsewhere: file.elsewhere,
  };
}

/** Where the services of a project are, and the defaults of their weft.yaml. */
export function servicePlaces(project: Project): ServicePlaces {
  const contracts = new Set(generatedContracts(project).map(({ logicalName }) => logicalName));
  return {
    root: project.root,
    folders: project.servicesDirs,
    namespace: project.namespace,
    contractOf: (service) => {
      const logicalName = `${project.name}.${service}`.replaceAll('-', '_');
      return contracts.has(logicalName) ? logicalName : undefined;
    },
  };
}

function readProjectFile(root: string): ProjectFile {
  const path = join(root, projectFileName);
  if (!existsSync(path)) return projectFileSchema.parse({});
  const read = parseYaml(textOf(path));
  if ('problem' in read) throw new CommandError(`${path}: ${read.problem}`);
  const result = projectFileSchema.safeParse(read.content);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path: field, message }) =>
    field.length > 0 ? `${field.join('.')}: ${message}` : message,
  );
  throw new CommandError(`${path}: ${problems.join('; ')}`);
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${path}: cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

function directoriesUp(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...directoriesUp(parent)];
}
