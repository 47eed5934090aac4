import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { CommandError } from '../command-error.ts';
import type { Project } from '../project.ts';
import { mapAtMost } from './at-most.ts';
import { compileProtos } from './compile-protos.ts';
import { contractCode } from './contract-code.ts';
import { type ContractPackage, codePackages, contractPackages, versionsOf } from './contract-package.ts';
import { contractReadme } from './contract-readme.ts';
import { contractDescriptorSet } from './descriptor-set.ts';
import { writeChanged } from './output.ts';
import { problemLine } from './proto-problem.ts';
import { type ProtoSources, protoSources } from './proto-sources.ts';
import type { MadeFile } from './typescript-code.ts';

/** A packed contract. */
export interface PackedContract {
  readonly logicalName: string;
  /** The tarball, absolute. */
  readonly file: string;
}

/**
 * Packs contracts of a project as npm tarballs into `out`: .proto files, JavaScript with declarations, the descriptor set and a README.
 * `names`: logical names, folders or npm names; none: all. The project must have been generated. Rejects with a CommandError.
 */
export async function packContracts(
  project: Project,
  names: readonly string[],
  out: string,
): Promise<PackedContract[]> {
  const sources = protoSources(project);
  const compiled = await compileProtos(sources.own, sources.imported);
  if ('problems' in compiled) {
    const lines = compiled.problems.map((problem) => problemLine(problem, project.root));
    throw new CommandError(`The contracts do not compile: ${lines.join('; ')}`);
  }
  const all = filesOf(compiled.descriptorSet);
  const own = new Set(sources.own.map(({ importPath }) => importPath));
  const contracts = contractPackages(
    project.name,
    all.filter(({ name }) => own.has(name)),
  );
  const chosen = names.length === 0 ? contracts : names.map((name) => named(name, contracts));
  if (chosen.length === 0) throw new CommandError(`There is no .proto file in ${project.contractsDirs.join(', ')}.`);
  const packages = codePackages(contracts, sources.installed);
  mkdirSync(out, { recursive: true });
  return await mapAtMost(availableParallelism(), chosen, async (contract): Promise<PackedContract> => {
    const code = await contractCode(contract, all, { packages, target: 'js+dts' });
    const files = [
      ...code.map(({ path, content }) => ({ path: `gen/${path}`, content })),
      { path: 'descriptor.binpb', content: contractDescriptorSet(contract, all) },
      { path: 'package.json', content: publishedManifest(project, contract) },
    ];
    return { logicalName: contract.logicalName, file: await pack(project, contract, sources, files, out) };
  });
}

function named(name: string, contracts: readonly ContractPackage[]): ContractPackage {
  const found = contracts.find((contract) =>
    [contract.logicalName, contract.folder, contract.packageName].includes(name),
  );
  if (found) return found;
  const known = contracts.map(({ logicalName }) => logicalName).join(', ') || 'none';
  throw new CommandError(`No contract is named ${name}. Contracts: ${known}.`);
}

/** What is written into a project for Node to run as it is, as npm's users need it. */
function publishedManifest({ generatedDir }: Project, contract: ContractPackage): string {
  const {
    private: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(readFileSync(join(generatedDir, contract.folder, 'package.json'), 'utf8'));
  const code = (path: string) => ({ types: `./gen/${path}.d.ts`, default: `./gen/${path}.js` });
  const versions = [...versionsOf(contract).keys()].map((version): [string, object] => [
    version === 'index' ? '.' : `./${version}`,
    code(version),
  ]);
  const exports = { ...manifest.exports, ...Object.fromEntries(versions), './*_pb.js': code('*_pb') };
  const files = ['gen', 'proto', 'descriptor.binpb'];
  return `${JSON.stringify({ ...manifest, exports, files }, undefined, 2)}\n`;
}

/** Packs with npm, which knows what a tarball has to look like. */
async function pack(
  { generatedDir }: Project,
  contract: ContractPackage,
  { own }: ProtoSources,
  files: readonly MadeFile[],
  out: string,
): Promise<string> {
  const stage = mkdtempSync(join(tmpdir(), 'weft-pack-'));
  try {
    writeChanged(stage, files);
    const names = new Set(contract.files.map(({ name }) => name));
    for (const { importPath, path } of own) {
      if (!names.has(importPath)) continue;
      const target = join(stage, 'proto', importPath);
      mkdirSync(dirname(target), { recursive: true });
      copyFileSync(path, target);
    }
    const written = join(generatedDir, contract.folder, 'README.md');
    writeFileSync(join(stage, 'README.md'), existsSync(written) ? readFileSync(written) : contractReadme(contract));
    const child = spawn('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', out], {
      cwd: stage,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    const [code, said, complaint] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    if (code !== 0)
      throw new CommandError(`npm does not pack ${contract.packageName}: ${complaint.trim() || said.trim()}`);
    return join(out, said.trim());
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}
