import { existsSync, globSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { logicalNameOf } from '@weft/compiler/contracts/logical-name';
import { findProject, type Project } from '../project.ts';
import { declaredPackage, type ProtoFile, protoFilesIn } from './proto-files.ts';

/** An installed npm package with .proto files that the project's own files may import. */
export interface InstalledContract {
  /** "@bank/payments-contract". */
  readonly packageName: string;
  readonly version: string;
  /** "bank.payments". */
  readonly logicalName: string;
  /** Absolute. */
  readonly directory: string;
  readonly files: readonly ProtoFile[];
  /** The versions of protobuf-es with which its code works: a range. */
  readonly protobufRange?: string;
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly weft?: { readonly contract?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The package with what every contract may import: the options of weft.policy.v1, google/api, google/rpc and buf/validate. */
export const policyPackage = '@weft/policy';

/**
 * The contract packages that a project has installed: each dependency of the project, its services and its contracts whose package.json has
 * `weft.contract`, and their own such dependencies. `@weft/policy` is always included: if the project has not installed it, the CLI's own
 * copy is used.
 */
export function installedContracts(project: Project): InstalledContract[] {
  const found = new Map<string, InstalledContract>();
  const visit = (name: string, from: string): void => {
    if (found.has(name)) return;
    const directory = installedAt(name, from);
    // The project's own packages are links to the generated packages.
    if (directory === undefined || isBelow(realpath(project.generatedDir), directory)) return;
    const contract = readInstalled(name, directory);
    if (!contract) return;
    found.set(name, contract);
    for (const dependency of dependenciesOf(contract.directory)) visit(dependency, contract.directory);
  };
  for (const directory of [project.root, ...ownPackages(project)]) {
    for (const name of dependenciesOf(directory)) visit(name, directory);
  }
  visit(policyPackage, project.root);
  if (!found.has(policyPackage)) visit(policyPackage, import.meta.dirname);
  return [...found.values()];
}

function ownPackages({ servicesDirs, generatedDir }: Project): string[] {
  return [...servicesDirs, generatedDir].flatMap((cwd) =>
    globSync('*/package.json', { cwd }).map((file) => dirname(join(cwd, file))),
  );
}

function dependenciesOf(directory: string): string[] {
  const manifest = readManifest(join(directory, 'package.json'));
  return Object.keys({ ...manifest?.dependencies, ...manifest?.devDependencies, ...manifest?.peerDependencies });
}

function readInstalled(name: string, directory: string): InstalledContract | undefined {
  const manifest = readManifest(join(directory, 'package.json'));
  const logicalName = manifest?.weft?.contract;
  if (logicalName === undefined) return undefined;
  const packed = join(directory, 'proto');
  const files = existsSync(packed) ? protoFilesIn(packed) : linkedFiles(directory, logicalName);
  const protobufRange = manifest?.peerDependencies?.['@bufbuild/protobuf'];
  return {
    packageName: name,
    version: manifest?.version ?? '0.0.0',
    logicalName,
    directory,
    files,
    ...(protobufRange === undefined ? {} : { protobufRange }),
  };
}

/** The .proto files of a contract that is a link into another project's checkout. (Only a packed contract contains copies.) */
function linkedFiles(directory: string, logicalName: string): ProtoFile[] {
  let project: Project;
  try {
    project = findProject(directory);
  } catch {
    return [];
  }
  if (!isBelow(realpath(project.generatedDir), directory)) return [];
  return project.contractsDirs
    .flatMap(protoFilesIn)
    .filter((file) => logicalNameOf(declaredPackage(file) ?? '') === logicalName);
}

/** Where Node resolves a package from a directory. Its `exports` need not list package.json. */
export function installedAt(name: string, from: string): string | undefined {
  const folders = createRequire(join(from, 'package.json')).resolve.paths(name) ?? [];
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(join(path, 'package.json')));
  return found === undefined ? undefined : realpathSync(found);
}

function readManifest(file: string): Manifest | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    // A package.json that npm itself could not read is not a contract's.
    return undefined;
  }
}

function realpath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path;
}

function isBelow(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return !way.startsWith('..') && way !== path;
}
