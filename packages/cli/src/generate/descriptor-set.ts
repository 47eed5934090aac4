import { create, toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { ContractPackage } from './contract-package.ts';
import { closureOf } from './typescript-code.ts';

/**
 * A contract as the mesh uses it: a FileDescriptorSet of its files and all their imports, without source positions, so that a changed
 * comment makes no new version.
 */
export function contractDescriptorSet(
  { files }: Pick<ContractPackage, 'files'>,
  all: readonly FileDescriptorProto[],
): Uint8Array {
  const file = closureOf(files, all).map(({ sourceCodeInfo: _, ...rest }): FileDescriptorProto => rest);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}
