import { filesOf } from '@weft/compiler/contracts/descriptor-set';
import { lint } from '@weft/compiler/contracts/lint';
import { isToolPackage } from '@weft/compiler/contracts/logical-name';
import { problemWords } from '@weft/compiler/model/problem';
import { CommandError } from '../command-error.ts';
import type { Project } from '../project.ts';
import { compileProtos } from './compile-protos.ts';
import { type ContractPackage, contractPackages } from './contract-package.ts';
import type { InstalledContract } from './installed-contracts.ts';
import type { ProtoFile } from './proto-files.ts';
import { type ProtoProblem, problemLine } from './proto-problem.ts';
import { protoSources } from './proto-sources.ts';

/**
 * What the project's own contracts say about calls and cannot mean. A caller whose name begins as the project's own contracts must be
 * one of them, or listed in `elsewhere`; others may live in any repository. `graph`: look at the calls from service to service, too.
 */
export function lintFindingsOf(
  descriptorSet: Uint8Array,
  own: readonly ProtoFile[],
  contracts: readonly Pick<ContractPackage, 'logicalName'>[],
  installed: readonly InstalledContract[],
  { graph = false, elsewhere = [] }: { readonly graph?: boolean; readonly elsewhere?: readonly string[] } = {},
): ProtoProblem[] {
  const files = new Map(own.map((file) => [file.importPath, file.path]));
  const closed = [...new Set(contracts.map(({ logicalName }) => logicalName.split('.')[0] ?? logicalName))];
  const services = installed.map(({ logicalName }) => logicalName).filter((name) => !isToolPackage(name));
  const knownServices = [...services, ...elsewhere];
  return lint(descriptorSet, { closed, knownServices, graph }).flatMap((problem) => {
    const [, importPath = problem.resource, line] = /^(.*\.proto)(?::(\d+))?$/.exec(problem.resource) ?? [];
    const file = files.get(importPath);
    if (file === undefined) return [];
    const { field } = problem;
    return [
      {
        file,
        ...(line === undefined ? {} : { line: Number(line) }),
        ...(field === undefined ? {} : { field }),
        message: problemWords(problem),
      },
    ];
  });
}

/** Compiles a project's contracts and looks at what they say about calls. Throws a CommandError when they do not compile. */
export async function lintProject(project: Project, options: { readonly graph: boolean }): Promise<ProtoProblem[]> {
  const sources = protoSources(project);
  const compiled = await compileProtos(sources.own, sources.imported);
  if ('problems' in compiled) {
    const lines = compiled.problems.map((problem) => problemLine(problem, project.root));
    throw new CommandError(`The contracts do not compile: ${lines.join('; ')}`);
  }
  const names = new Set(sources.own.map(({ importPath }) => importPath));
  const own = filesOf(compiled.descriptorSet).filter(({ name }) => names.has(name));
  const contracts = contractPackages(project.name, own);
  return lintFindingsOf(compiled.descriptorSet, sources.own, contracts, sources.installed, {
    ...options,
    elsewhere: project.elsewhere,
  });
}
