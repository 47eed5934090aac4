import type { FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import { type ContractPackage, versionsOf } from './contract-package.ts';
import { type CodeRequest, closureOf, codePath, type MadeFile, typescriptCode } from './typescript-code.ts';

const notice = '// Made by `weft generate` from the .proto files of this contract; changes are lost.\n';

/**
 * The code of a contract: a file for each .proto file, and one for each version that has them all ("v1.ts"). `packages` says which
 * npm package has the code of an imported file. An imported file that no package has gets its code here.
 */
export async function contractCode(
  contract: ContractPackage,
  all: readonly FileDescriptorProto[],
  { packages, target }: Pick<CodeRequest, 'packages' | 'target'>,
): Promise<MadeFile[]> {
  const closure = closureOf(contract.files, all);
  const own = new Set(contract.files.map(({ name }) => name));
  const files = closure.filter(({ name }) => own.has(name) || (!packages.has(name) && !isStandard(name)));
  const code = await typescriptCode({ files, closure, packages, target });
  const extension = target === 'ts' ? 'ts' : 'js';
  const indexes = [...versionsOf(contract)].flatMap(([version, of]): MadeFile[] => {
    const lines = of.map(({ name }) => `export * from './${codePath(name)}.${extension}';\n`).sort();
    const content = notice + lines.join('');
    const paths = target === 'ts' ? [`${version}.ts`] : [`${version}.js`, `${version}.d.ts`];
    return paths.map((path) => ({ path, content }));
  });
  return [...code, ...indexes];
}

/** The npm packages from which a contract's code imports: those of the files that its own name, and what these import publicly. */
export function importedPackages(
  contract: ContractPackage,
  all: readonly FileDescriptorProto[],
  packages: ReadonlyMap<string, string>,
): string[] {
  const byName = new Map(all.map((file) => [file.name, file]));
  const seen = new Set<string>();
  const see = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const file = byName.get(name);
    // Its code comes along, with all that it imports in turn.
    const isHere = !packages.has(name) && !isStandard(name);
    for (const [index, next] of file?.dependency.entries() ?? []) {
      if (isHere || file?.publicDependency.includes(index)) see(next);
    }
  };
  for (const file of contract.files) file.dependency.forEach(see);
  const names = [...seen].flatMap((name) => packages.get(name) ?? []);
  return [...new Set(names)].filter((name) => name !== contract.packageName).sort();
}

/** Those that protobuf itself brings, whose code is in @bufbuild/protobuf. */
function isStandard(importPath: string): boolean {
  return importPath.startsWith('google/protobuf/');
}
