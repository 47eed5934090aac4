import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import { CommandError, reasonOf } from './command-error.ts';
import { generatedContracts } from './contracts.ts';
import { dnsLabelOf, type ProjectFile, projectFileName, projectFileSchema, type Use } from './project-file.ts';
import type { ServicePlaces } from './service-manifests.ts';

/** A checkout of a project that Weft runs. Every path is absolute. */
export interface Project {
  readonly root: string;
  /** The npm scope of its contracts, and what their logical names usually begin with: "bakery". */
  readonly name: string;
  /** The namespace of services that name none. */
  readonly namespace: string;
  /** Folders of .proto files. */
  readonly contractsDirs: readonly string[];
  /** Each folder in them with a weft.yaml is a service. */
  readonly servicesDirs: readonly string[];
  /** Where the contract packages are generated. */
  readonly generatedDir: string;
  /** What belongs to this checkout alone. */
  readonly stateDir: string;
  /** Services that live elsewhere, as the project file names them. */
  readonly uses: readonly Use[];
  /** Logical names that the contracts may name although no contract here has them. */
  readonly elsewhere: readonly string[];
}

/**
 * Finds the project around `cwd`: the nearest directory upwards with weft.project.yaml, else the nearest one with both proto/ and
 * services/. Throws a CommandError that says what to do when there is none, or when its file is wrong.
 */
export function findProject(cwd: string = process.cwd()): Project {
  const above = directoriesUp(resolve(cwd));
  const root =
    above.find((directory) => existsSync(join(directory, projectFileName))) ??
    above.find((directory) => existsSync(join(directory, 'proto')) && existsSync(join(directory, 'services')));
  if (root !== undefined) return projectAt(root);
  throw new CommandError(
    `No Weft project at ${cwd} or above it; change to a directory of one, or make one: an empty ${projectFileName} beside proto/ and services/ is enough.`,
  );
}

/** The project at a known root. Throws a CommandError when its file is wrong. */
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

/** Where the services of a project are, and what their weft.yaml need not say. */
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
  let content: unknown;
  try {
    content = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new CommandError(`${path}: not YAML: ${reasonOf(error)}`, { cause: error });
  }
  const result = projectFileSchema.safeParse(content ?? {});
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path: field, message }) =>
    field.length > 0 ? `${field.join('.')}: ${message}` : message,
  );
  throw new CommandError(`${path}: ${problems.join('; ')}`);
}

function directoriesUp(directory: string): string[] {
  const parent = dirname(directory);
  return parent === directory ? [directory] : [directory, ...directoriesUp(parent)];
}
