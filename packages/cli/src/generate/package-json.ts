import { type ContractPackage, versionsOf } from './contract-package.ts';
import { protocGenEs } from './tools.ts';

/** What is written into the package.json of a contract. */
export interface ContractManifest {
  /** What the code imports from which package; the range of versions by package name. */
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * The package.json of a contract. `existing` is its text so far: what people write into it stays, and so do the ranges of its
 * dependencies; the exports, `weft.contract` and missing dependencies are written anew.
 */
export function contractPackageJson(
  contract: ContractPackage,
  { dependencies }: ContractManifest,
  existing: string | undefined,
): string {
  const before = existing === undefined ? undefined : JSON.parse(existing);
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
    peerDependencies: { '@bufbuild/protobuf': `^${protocGenEs().version}`, ...before?.peerDependencies },
    weft: { ...before?.weft, contract: contract.logicalName },
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
