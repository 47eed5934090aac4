/**
 * The plugin behind `buf generate` (buf.gen.yaml): makes the code of all packages of this repository that are made of .proto files, each
 * below its own directory, and imports from one to the other by package name. `make generate` makes the same code.
 */

import { join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  Edition,
  type FileDescriptorProto,
} from '@bufbuild/protobuf/wkt';
import { contractCode } from '../packages/cli/src/generate/contract-code.ts';
import { contractPackages } from '../packages/cli/src/generate/contract-package.ts';
import { closureOf, typescriptCode } from '../packages/cli/src/generate/typescript-code.ts';
import { findProject } from '../packages/cli/src/project.ts';

/** The packages of proto/ that are no contracts of the shop, by what their files begin with. */
const own: Readonly<Record<string, RegExp>> = {
  policy: /^(weft\/policy|google\/(api|rpc)|buf\/validate)\//,
  api: /^(weft\/api|grpc)\//,
};

const project = findProject(import.meta.dirname);
const request = fromBinary(CodeGeneratorRequestSchema, await buffer(process.stdin));
const all = request.protoFile;
// What buf has not asked for is there as an import alone; a package's files come whole.
const asked = new Set(request.fileToGenerate);
const contracts = contractPackages(project.name, all).filter(({ files }) => files.every(({ name }) => asked.has(name)));
const packages = new Map([
  ...Object.entries(own).flatMap(([name, pattern]) =>
    all.filter((file) => pattern.test(file.name)).map((file): [string, string] => [file.name, `@weft/${name}`]),
  ),
  ...contracts.flatMap(({ packageName, files }) => files.map(({ name }): [string, string] => [name, packageName])),
]);
const made = await Promise.all([
  ...Object.entries(own).map(async ([name, pattern]) => {
    const files = request.sourceFileDescriptors.filter((file) => pattern.test(file.name));
    return below(`packages/${name}/src/gen`, await ownCode(files));
  }),
  ...contracts.map(async (contract) => {
    const code = await contractCode(contract, withPositions(all), { packages, target: 'ts' });
    return below(join(relative(join(import.meta.dirname, '..'), project.generatedDir), contract.folder, 'gen'), code);
  }),
]);
const response = create(CodeGeneratorResponseSchema, {
  file: made.flat(),
  supportedFeatures: BigInt(
    CodeGeneratorResponse_Feature.PROTO3_OPTIONAL | CodeGeneratorResponse_Feature.SUPPORTS_EDITIONS,
  ),
  minimumEdition: Edition.EDITION_PROTO2,
  maximumEdition: Edition.EDITION_2024,
});
process.stdout.write(toBinary(CodeGeneratorResponseSchema, response));

async function ownCode(files: readonly FileDescriptorProto[]) {
  return files.length === 0
    ? []
    : await typescriptCode({ files, closure: closureOf(files, withPositions(all)), packages, target: 'ts' });
}

/** The files as they were asked for, which have the comments. */
function withPositions(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const sources = new Map(request.sourceFileDescriptors.map((file) => [file.name, file]));
  return files.map((file) => sources.get(file.name) ?? file);
}

function below(directory: string, files: readonly { path: string; content: string | Uint8Array }[]) {
  return files.map(({ path, content }) => ({ name: `${directory}/${path}`, content: String(content) }));
}
