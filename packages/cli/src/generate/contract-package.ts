import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { isToolPackage, logicalNameOf } from '@weft/compiler/contracts/logical-name';
import type { InstalledContract } from './installed-contracts.ts';

/** A contract of a project: all versions of one logical name. It becomes one npm package. */
export interface ContractPackage {
  /** A proto package without its version: "bakery.catalog". */
  readonly logicalName: string;
  /** "@bakery/catalog-contract". */
  readonly packageName: string;
  /** The name of its folder: "catalog". */
  readonly folder: string;
  /** Its files, each after its imports. */
  readonly files: readonly FileDescriptorProto[];
}

/** The folder of a contract: the logical name without the project's own name, dots as dashes. */
export function contractFolder(projectName: string, logicalName: string): string {
  const prefix = `${projectName.replaceAll('-', '_')}.`;
  const own = logicalName.startsWith(prefix) ? logicalName.slice(prefix.length) : logicalName;
  return own.replaceAll(/[._]/g, '-');
}

/** The npm name of a contract. */
export function contractPackageName(projectName: string, logicalName: string): string {
  return `@${projectName}/${contractFolder(projectName, logicalName)}-contract`;
}

/**
 * The contracts in these files, by logical name. Files of packages that come with tools (google, buf, weft) are not contracts: a project
 * gets them from an installed package, or has its own copy.
 */
export function contractPackages(projectName: string, files: readonly FileDescriptorProto[]): ContractPackage[] {
  const byName = new Map<string, FileDescriptorProto[]>();
  for (const file of files) {
    const logicalName = logicalNameOf(file.package);
    if (logicalName === '' || isToolPackage(logicalName)) continue;
    byName.set(logicalName, [...(byName.get(logicalName) ?? []), file]);
  }
  return [...byName]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([logicalName, own]) => ({
      logicalName,
      packageName: contractPackageName(projectName, logicalName),
      folder: contractFolder(projectName, logicalName),
      files: own,
    }));
}

/** The versions of a contract, "v1", each with its files; "index" if a package has no version in its name. */
export function versionsOf({
  logicalName,
  files,
}: Pick<ContractPackage, 'logicalName' | 'files'>): ReadonlyMap<string, readonly FileDescriptorProto[]> {
  const versions = new Map<string, FileDescriptorProto[]>();
  for (const file of files) {
    const version = file.package.slice(logicalName.length + 1) || 'index';
    versions.set(version, [...(versions.get(version) ?? []), file]);
  }
  return versions;
}

/** The npm package that has the code of a .proto file, by import path. */
export function codePackages(
  contracts: readonly ContractPackage[],
  installed: readonly InstalledContract[],
): Map<string, string> {
  return new Map([
    ...installed.flatMap(({ packageName, files }) =>
      files.map(({ importPath }): [string, string] => [importPath, packageName]),
    ),
    ...contracts.flatMap(({ packageName, files }) => files.map(({ name }): [string, string] => [name, packageName])),
  ]);
}
