import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GeneratedContract, generatedContracts } from '../contracts.ts';
import type { Project } from '../project.ts';
import { compileProtos } from './compile-protos.ts';
import { contractCode, importedPackages } from './contract-code.ts';
import { type ContractPackage, contractPackages } from './contract-package.ts';
import { contractDescriptorSet } from './descriptor-set.ts';
import { type InstalledContract, installedContracts } from './installed-contracts.ts';
import { removeOthers, writeChanged } from './output.ts';
import { contractPackageJson } from './package-json.ts';
import { type ProtoFile, protoFilesIn } from './proto-files.ts';
import type { ProtoProblem } from './proto-problem.ts';
import { isUpToDate, remember } from './stamp.ts';

/** What was generated. */
export interface GenerateResult {
  /** All contracts of the project: as they are now, or as they were last where there are problems. */
  readonly contracts: readonly GeneratedContract[];
  /** The logical names of those of which something is different now. */
  readonly changed: readonly string[];
  /** What is wrong in .proto files. When there is anything, nothing was written. */
  readonly problems: readonly ProtoProblem[];
}

/**
 * Generates the contract packages of a project: code, descriptor sets and what belongs to them in package.json. Quick when nothing
 * has changed. A broken .proto leaves everything as it was. `report` gets a line for each contract that is made anew.
 */
export async function generate(project: Project, report: (line: string) => void): Promise<GenerateResult> {
  const sources = protoSources(project);
  if (isUpToDate(project, sources)) return { contracts: generatedContracts(project), changed: [], problems: [] };
  const compiled = await compileProtos(sources.own, sources.imported);
  if ('problems' in compiled) {
    return { contracts: generatedContracts(project), changed: [], problems: compiled.problems };
  }
  const { filesOf } = await import('@weft/compiler/contracts/descriptor-set');
  const all = filesOf(compiled.descriptorSet);
  const contracts = ownContracts(project, sources, all);
  const changed: string[] = [];
  const packages = codePackages(contracts, sources.installed);
  const made = await Promise.all(
    contracts.map(async (contract) => ({
      contract,
      code: await contractCode(contract, all, { packages, target: 'ts' }),
      descriptorSet: contractDescriptorSet(contract, all),
      packageJson: packageJsonOf(project, contract, sources.installed, importedPackages(contract, all, packages)),
    })),
  );
  for (const { contract, code, descriptorSet, packageJson } of made) {
    const directory = join(project.generatedDir, contract.folder);
    const written = [
      ...writeChanged(join(directory, 'gen'), code),
      ...removeOthers(join(directory, 'gen'), code),
      ...writeChanged(directory, [
        { path: 'descriptor.binpb', content: descriptorSet },
        { path: 'package.json', content: packageJson },
      ]),
    ];
    if (written.length === 0) continue;
    changed.push(contract.logicalName);
    report(`${contract.logicalName}: ${contract.packageName}`);
  }
  remember(project, sources);
  return { contracts: generatedContracts(project), changed, problems: [] };
}

/** What is compiled. */
export interface ProtoSources {
  /** The project's own files. */
  readonly own: readonly ProtoFile[];
  /** What they may import beside each other. */
  readonly imported: readonly ProtoFile[];
  readonly installed: readonly InstalledContract[];
}

/** The .proto files of a project and of what it has installed. Where both have a file, the installed one is not looked at. */
export function protoSources(project: Project): ProtoSources {
  const installed = installedContracts(project);
  return {
    own: project.contractsDirs.flatMap((folder) => protoFilesIn(folder)),
    imported: installed.flatMap(({ files }) => files),
    installed,
  };
}

/** The contracts among compiled files that are the project's own. */
export function ownContracts(
  project: Project,
  { own }: ProtoSources,
  all: Parameters<typeof contractPackages>[1],
): ContractPackage[] {
  const names = new Set(own.map(({ importPath }) => importPath));
  return contractPackages(
    project.name,
    all.filter(({ name }) => names.has(name)),
  );
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

function packageJsonOf(
  { generatedDir, name }: Project,
  contract: ContractPackage,
  installed: readonly InstalledContract[],
  imported: readonly string[],
): string {
  const read = (folder: string): string | undefined => {
    const file = join(generatedDir, folder, 'package.json');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  const dependencies = imported.map((packageName): [string, string] => {
    const other = installed.find((each) => each.packageName === packageName);
    if (other) return [packageName, `^${other.version}`];
    const folder = packageName.slice(`@${name}/`.length).replace(/-contract$/, '');
    return [packageName, `^${JSON.parse(read(folder) ?? '{"version":"0.1.0"}').version}`];
  });
  return contractPackageJson(contract, { dependencies: Object.fromEntries(dependencies) }, read(contract.folder));
}
