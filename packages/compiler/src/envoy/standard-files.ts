import { create, type DescFile } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { standardDescriptors } from '../model/standard-descriptors.ts';
import { bareEnum, bareMessage } from './bare-descriptors.ts';

const standard = standardDescriptors.map(({ proto }) => proto);

/**
 * The files of an error's status and details, and of the well-known types that an Any may hold, without what `files` define already under
 * whatever path. They are in no method's signature, and without them no error has a body. Envoy would add the status by itself, and fail
 * where a contract has brought a type of it along under a path of its own.
 */
export function standardFiles(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const names = new Set(files.map(({ name }) => name));
  const definedIn = new Map<string, string>();
  const define = ({ name, package: scope, messageType, enumType }: FileDescriptorProto) => {
    for (const message of [...messageType, ...enumType]) definedIn.set(`.${scope}.${message.name}`, name);
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
      enumType: file.enumType.filter(({ name }) => !definedIn.has(`.${file.package}.${name}`)).map(bareEnum),
    });
    define(bare);
    return [bare];
  });
}

/** Whether a file defines options, whose types are in no message: google.api.http, weft.policy.v1, buf.validate, descriptors. */
export function isOptionFile({ name, proto }: DescFile): boolean {
  return name === 'google/protobuf/descriptor' || /^(google\.api|weft\.policy\.v1|buf\.validate)$/.test(proto.package);
}
