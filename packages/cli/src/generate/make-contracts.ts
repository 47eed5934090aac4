import { existsSync, globSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { generatedContracts } from '../contracts.ts';
import type { Project } from '../project.ts';
import { mapAtMost } from './at-most.ts';
import { compileProtos } from './compile-protos.ts';
import { contractCode, importedPackages } from './contract-code.ts';
import { type ContractPackage, codePackages, contractPackages } from './contract-package.ts';
import { contractDescriptorSet } from './descriptor-set.ts';
import { type GeneratedRecord, hashOfFiles } from './generated-record.ts';
import { policyPackage } from './installed-contracts.ts';
import { lintFindingsOf } from './lint-findings.ts';
import { removeOthers, writeChanged } from './output.ts';
import { contractPackageJson } from './package-json.ts';
import type { ProtoProblem } from './proto-problem.ts';
import type { ProtoSources } from './proto-sources.ts';
import { protocGenEs } from './tools.ts';
import { closureOf, type MadeFile } from './typescript-code.ts';

/** What was made, or why nothing was. */
export type Made =
  | { readonly problems: readonly ProtoProblem[] }
  | (Pick<GeneratedRecord, 'code' | 'findings'> & {
      /** The logical names of the contracts of which something is different now. */
      readonly changed: readonly string[];
    });

/** Compiles a project's .proto files and makes its contract packages. Nothing is written before everything has been made. */
export async function makeContracts(
  project: Project,
  sources: ProtoSources,
  record: GeneratedRecord | undefined,
  { check, report }: { readonly check: boolean; readonly report: (line: string) => void },
): Promise<Made> {
  const compiled = await compileProtos(sources.own, sources.imported);
  if ('problems' in compiled) return compiled;
  const all = filesOf(compiled.descriptorSet);
  const names = new Set(sources.own.map(({ importPath }) => importPath));
  const own = all.filter(({ name }) => names.has(name));
  const contracts = contractPackages(project.name, own);
  const clash = clashes(contracts, sources);
  if (clash.length > 0) return { problems: clash };
  const packages = codePackages(contracts, sources.installed);
  const codeKey = (contract: ContractPackage) => keyOf(project, contract, all, packages);
  const made = await mapAtMost(availableParallelism(), contracts, async (contract) => {
    const isThere = record?.code[contract.logicalName] === codeKey(contract);
    return {
      contract,
      code: isThere ? undefined : await contractCode(contract, all, { packages, target: 'ts' }),
      besides: [
        { path: 'descriptor.binpb', content: contractDescriptorSet(contract, all) },
        { path: 'package.json', content: packageJsonOf(project, contract, sources, all, packages) },
      ],
    };
  });
  const changed = made.filter(({ contract, code, besides }) => {
    const directory = join(project.generatedDir, contract.folder);
    return writePackage(directory, code, besides, check);
  });
  const gone = removeGone(project, contracts, check);
  for (const { contract } of changed) report(`${contract.logicalName}: ${contract.packageName}`);
  for (const name of gone) report(`${name}: has no .proto file any more; its code was removed`);
  return {
    changed: [...changed.map(({ contract }) => contract.logicalName), ...gone],
    code: Object.fromEntries(contracts.map((contract) => [contract.logicalName, codeKey(contract)])),
    findings: lintFindingsOf(compiled.descriptorSet, sources.own, contracts, sources.installed, {
      elsewhere: project.elsewhere,
    }),
  };
}

/** Whether anything is different. */
function writePackage(
  directory: string,
  code: readonly MadeFile[] | undefined,
  besides: readonly MadeFile[],
  check: boolean,
): boolean {
  const gen = join(directory, 'gen');
  const written = [
    ...(code === undefined ? [] : [...writeChanged(gen, code, check), ...removeOthers(gen, code, check)]),
    ...writeChanged(directory, besides, check),
  ];
  return written.length > 0;
}

/** Removes what was generated for contracts that are no more. Their package.json stays: people may have written into it. */
function removeGone(project: Project, contracts: readonly ContractPackage[], check: boolean): string[] {
  const names = new Set(contracts.map(({ logicalName }) => logicalName));
  return generatedContracts(project).flatMap(({ logicalName, directory, descriptorFile }) => {
    if (names.has(logicalName)) return [];
    if (!check) {
      rmSync(join(directory, 'gen'), { recursive: true, force: true });
      rmSync(descriptorFile);
    }
    return [logicalName];
  });
}

/** A hash of what a contract's code is made of, and of the code that is there. */
function keyOf(
  project: Project,
  contract: ContractPackage,
  all: readonly FileDescriptorProto[],
  packages: ReadonlyMap<string, string>,
): string {
  const closure = closureOf(contract.files, all);
  const owners = closure.map(({ name }) => packages.get(name) ?? '');
  const gen = join(project.generatedDir, contract.folder, 'gen');
  const there = globSync('**/*.*', { cwd: gen }).sort();
  return hashOfFiles(
    there.map((file) => join(gen, file)),
    [
      protocGenEs().version,
      JSON.stringify(owners),
      ...closure.map((file) => toBinary(FileDescriptorProtoSchema, file)),
    ],
  );
}

/** Contracts that would get one folder. */
function clashes(contracts: readonly ContractPackage[], { own }: ProtoSources): ProtoProblem[] {
  return contracts.flatMap((contract, index) => {
    const other = contracts.slice(0, index).find(({ folder }) => folder === contract.folder);
    const file = own.find(({ importPath }) => importPath === contract.files[0]?.name);
    if (!other || !file) return [];
    const message = `${contract.logicalName} and ${other.logicalName} would both become ${contract.packageName}; rename one`;
    return [{ file: file.path, message }];
  });
}

function packageJsonOf(
  project: Project,
  contract: ContractPackage,
  { installed }: ProtoSources,
  all: readonly FileDescriptorProto[],
  packages: ReadonlyMap<string, string>,
): string {
  const read = (folder: string): string | undefined => {
    const file = join(project.generatedDir, folder, 'package.json');
    return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  };
  // The code of the policy package is made with the same generator, and tested with both ends of its range.
  const policy = installed.find((each) => each.packageName === policyPackage);
  const protobufRange = policy?.protobufRange ?? `^${protocGenEs().version}`;
  const dependencies = importedPackages(contract, all, packages).map((packageName): [string, string] => {
    const other = installed.find((each) => each.packageName === packageName);
    if (other) return [packageName, `^${other.version}`];
    const folder = packageName.slice(`@${project.name}/`.length).replace(/-contract$/, '');
    return [packageName, `^${JSON.parse(read(folder) ?? '{"version":"0.1.0"}').version}`];
  });
  const file = relative(project.root, join(project.generatedDir, contract.folder, 'package.json'));
  return contractPackageJson(contract, Object.fromEntries(dependencies), protobufRange, {
    file,
    text: read(contract.folder),
  });
}
