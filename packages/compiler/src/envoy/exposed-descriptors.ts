import { create, type DescFile, type DescMessage, toBinary } from '@bufbuild/protobuf';
import {
  Edition,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptionsSchema,
} from '@bufbuild/protobuf/wkt';
import { http as httpOption } from '@weft/policy/google/api/annotations';
import { openDescriptorSet } from '../contracts/descriptor-set.ts';
import { bareEnum, bareFileOptions, bareMessage } from './bare-descriptors.ts';
import { isOptionFile, standardFiles } from './standard-files.ts';

/**
 * A descriptor set of these methods (by path) and of no other: their services, and of the options only google.api.http. It shows
 * outsiders no method that they may not call. Its messages are one registry for whatever an Any may hold, such as an error's details:
 * those of the contract's files and of what they import, and `standardFiles`. Each contract has a set of its own, on its own routes, so
 * the files of two contracts never meet in one descriptor pool.
 */
export function exposedDescriptors(descriptorSet: Uint8Array, paths: ReadonlySet<string>): Uint8Array {
  const registry = openDescriptorSet(descriptorSet);
  const needed = new Map<string, DescFile>();
  const files = [...registry.files];
  const exposing = files.filter((file) =>
    file.services.some(({ methods, typeName }) => methods.some(({ name }) => paths.has(`/${typeName}/${name}`))),
  );
  for (const file of exposing) need(file, paths, needed);
  // What an Any holds is in no method's signature, and an error with a detail of an unknown type has no body.
  for (const file of files) if (!isOptionFile(file)) need(file, paths, needed);
  const own = [...needed.values()].map((file) => bare(file, paths));
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...own, ...standardFiles(own)] }));
}

function need(file: DescFile, paths: ReadonlySet<string>, needed: Map<string, DescFile>): void {
  if (needed.has(file.name)) return;
  for (const referenced of references(file, paths)) need(referenced, paths, needed);
  // Imports cannot form a circle, so every file comes after those that it refers to, as Envoy needs them.
  needed.set(file.name, file);
}

/** The files whose types a file uses itself, whatever it imports. */
function references(file: DescFile, paths: ReadonlySet<string>): Set<DescFile> {
  const found = new Set<DescFile>();
  const visit = (message: DescMessage) => {
    for (const field of message.fields) {
      if (field.message) found.add(field.message.file);
      if (field.enum) found.add(field.enum.file);
      // A map's values are the fields of an entry that is no message of its own here.
      if (field.fieldKind === 'map' && field.mapKind === 'message') found.add(field.message.file);
    }
    message.nestedMessages.forEach(visit);
  };
  file.messages.forEach(visit);
  for (const service of file.services) {
    for (const method of service.methods) {
      if (!paths.has(`/${service.typeName}/${method.name}`)) continue;
      found.add(method.input.file);
      found.add(method.output.file);
    }
  }
  found.delete(file);
  return found;
}

function bare(file: DescFile, paths: ReadonlySet<string>): FileDescriptorProto {
  const { proto } = file;
  return create(FileDescriptorProtoSchema, {
    name: proto.name,
    package: proto.package,
    syntax: proto.syntax,
    // What 2024 adds says nothing of messages, and their pool has rules of its own for it.
    ...(proto.syntax === 'editions'
      ? { edition: Edition.EDITION_2023, options: bareFileOptions(proto.options?.features) }
      : {}),
    dependency: [...references(file, paths)].map((referenced) => referenced.proto.name).sort(),
    messageType: proto.messageType.map(bareMessage),
    enumType: proto.enumType.map(bareEnum),
    service: file.services.flatMap((service) => {
      const methods = service.methods.filter(({ name }) => paths.has(`/${service.typeName}/${name}`));
      if (methods.length === 0) return [];
      return {
        name: service.name,
        method: methods.map(({ proto: method }) => {
          const unknown = method.options?.$unknown?.filter(({ no }) => no === httpOption.number);
          const options = create(MethodOptionsSchema, {});
          if (unknown) options.$unknown = unknown;
          return {
            name: method.name,
            inputType: method.inputType,
            outputType: method.outputType,
            clientStreaming: method.clientStreaming,
            serverStreaming: method.serverStreaming,
            options,
          };
        }),
      };
    }),
  });
}
