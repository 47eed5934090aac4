import { CommandError, reasonOf } from '../command-error.ts';
import { type ContractPackage, versionsOf } from './contract-package.ts';

/**
 * The package.json of a contract, which imports code of `dependencies`: ranges of versions by package name. Of what is there already
 * everything that people write stays, and so do ranges; exports, `weft.contract` and missing dependencies are written anew. Throws a
 * CommandError when it is no JSON. `protobufRange`: the versions of protobuf-es with which the code works.
 */
export function contractPackageJson(
  contract: ContractPackage,
  dependencies: Readonly<Record<string, string>>,
  protobufRange: string,
  existing: { readonly file: string; readonly text: string | undefined },
): string {
  const before = existing.text === undefined ? undefined : parsed(existing.file, existing.text);
  const versions = [...versionsOf(contract).keys()].sort();
  const exports = Object.fromEntries([
    ...versions.map((version) => [version === 'index' ? '.' : `./${version}`, `./gen/${version}.ts`]),
    ['./descriptor.binpb', './descriptor.binpb'],
    ['./package.json', './package.json'],
    ['./proto/*', './proto/*'],
    // What generated code of other contracts imports.
    ['./*_pb.js', './gen/*_pb.ts'],
  ]);
  const manifest = {
    ...(before ?? {
      name: contract.packageName,
      version: '0.1.0',
      description: `The contract ${contract.logicalName}: .proto files, TypeScript and descriptor set.`,
      type: 'module',
    }),
    exports,
    dependencies: { ...dependencies, ...before?.dependencies },
    peerDependencies: { '@bufbuild/protobuf': protobufRange, ...before?.peerDependencies },
    weft: { ...before?.weft, contract: contract.logicalName },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

function parsed(file: string, text: string) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${file} is not JSON (${reasonOf(error)}); correct it, or delete it to get a new one.`);
  }
}
