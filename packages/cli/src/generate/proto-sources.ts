import { dirname } from 'node:path';
import type { Project } from '../project.ts';
import { type InstalledContract, installedContracts } from './installed-contracts.ts';
import { declaredPackage, type ProtoFile, protoFilesIn } from './proto-files.ts';
import type { ProtoProblem } from './proto-problem.ts';

/** What a project's contracts are compiled of. */
export interface ProtoSources {
  /** The project's own files. */
  readonly own: readonly ProtoFile[];
  /** What they may import beside each other. */
  readonly imported: readonly ProtoFile[];
  readonly installed: readonly InstalledContract[];
}

/** Proto packages that come with tools. Many projects keep copies of them; the installed ones count. */
const ofTools = /^(weft|google|buf|grpc)\//;

/**
 * The .proto files of a project and of what it has installed. A file of Weft's or Google's that the project has a copy of is taken from
 * the installed package, whose code is used, too.
 */
export function protoSources(project: Project): ProtoSources {
  const installed = installedContracts(project);
  const imported = installed.flatMap(({ files }) => files);
  const provided = new Set(imported.map(({ importPath }) => importPath).filter((path) => ofTools.test(path)));
  const files = project.contractsDirs.flatMap((folder) => protoFilesIn(folder));
  return { own: files.filter(({ importPath }) => !provided.has(importPath)), imported, installed };
}

/** What is wrong with a project's .proto files before anybody compiles them. */
export function sourceProblems(project: Project, { own, installed }: ProtoSources): ProtoProblem[] {
  const seen = new Map<string, ProtoFile>();
  const owners = new Map(
    installed.flatMap((contract) =>
      contract.files.map((file): [string, InstalledContract] => [file.importPath, contract]),
    ),
  );
  return own.flatMap((file): ProtoProblem[] => {
    const twin = seen.get(file.importPath);
    seen.set(file.importPath, file);
    if (twin) return [{ file: file.path, message: `is there twice, also as ${twin.path}; delete one of them` }];
    const owner = owners.get(file.importPath);
    if (owner) {
      const message = `is also in the installed ${owner.packageName} ${owner.version}; delete the file or remove the dependency`;
      return [{ file: file.path, message }];
    }
    if (declaredPackage(file) !== undefined) return [];
    const folder = dirname(file.importPath).replaceAll('/', '.');
    const expected = folder === '.' ? `${project.name.replaceAll('-', '_')}.something.v1` : folder;
    return [{ file: file.path, message: `declares no package; expected: package ${expected};` }];
  });
}
