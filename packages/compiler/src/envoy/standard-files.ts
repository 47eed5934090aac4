import { create } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  file_google_protobuf_any,
  file_google_protobuf_duration,
} from '@bufbuild/protobuf/wkt';
import { file_google_rpc_error_details } from '@weft/contracts/google/rpc/error_details';
import { file_google_rpc_status } from '@weft/contracts/google/rpc/status';
import { bareMessage } from './bare-descriptors.ts';

/** Each after those that it imports. */
const standard = [
  file_google_protobuf_any,
  file_google_protobuf_duration,
  file_google_rpc_status,
  file_google_rpc_error_details,
].map(({ proto }) => proto);

/**
 * The files of an error's status and details, without what `files` define already under whatever path. They are in no method's
 * signature, and without them no error has a body. Envoy would add the status by itself, and fail where a contract has brought a type
 * of it along under a path of its own.
 */
export function standardFiles(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const names = new Set(files.map(({ name }) => name));
  const definedIn = new Map<string, string>();
  const define = ({ name, package: scope, messageType }: FileDescriptorProto) => {
    for (const message of messageType) definedIn.set(`.${scope}.${message.name}`, name);
  };
  files.forEach(define);
  return standard.flatMap((file) => {
    const messageType = file.messageType.filter(({ name }) => !definedIn.has(`.${file.package}.${name}`));
    if (messageType.length === 0) return [];
    let name = file.name;
    while (names.has(name)) name = `weft/${name}`;
    names.add(name);
    const used = messageType.flatMap(({ field }) => field.flatMap(({ typeName }) => definedIn.get(typeName) ?? []));
    const bare = create(FileDescriptorProtoSchema, {
      name,
      package: file.package,
      syntax: file.syntax,
      dependency: [...new Set(used)].sort(),
      messageType: messageType.map(bareMessage),
    });
    define(bare);
    return [bare];
  });
}
