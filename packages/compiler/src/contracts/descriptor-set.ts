import { create, createFileRegistry, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { LogicalName } from '../model/mesh.ts';
import { logicalNameOf } from './logical-name.ts';

/** A decoded descriptor set. */
class Decoded {
  readonly #files: readonly FileDescriptorProto[];
  #registry: FileRegistry | undefined;

  constructor(descriptorSet: Uint8Array) {
    this.#files = importsFirst(fromBinary(FileDescriptorSetSchema, descriptorSet).file);
  }

  get files(): readonly FileDescriptorProto[] {
    return this.#files;
  }

  get registry(): FileRegistry {
    this.#registry ??= createFileRegistry(create(FileDescriptorSetSchema, { file: [...this.#files] }));
    return this.#registry;
  }
}

/**
 * Those that were asked for last, by their bytes. Decoded, a set takes about twenty times its bytes, so a mesh of hundreds of
 * contracts does not keep all of them; one that is asked for again later is decoded again.
 */
const latest = new Map<Uint8Array, Decoded>();
const maxLatest = 16;
const maxLatestBytes = 1 << 20;

function decode(descriptorSet: Uint8Array): Decoded {
  const decoded = latest.get(descriptorSet) ?? new Decoded(descriptorSet);
  latest.delete(descriptorSet);
  latest.set(descriptorSet, decoded);
  let bytes = 0;
  for (const { length } of latest.keys()) bytes += length;
  for (const oldest of latest.keys()) {
    if (latest.size === 1 || (latest.size <= maxLatest && bytes <= maxLatestBytes)) break;
    latest.delete(oldest);
    bytes -= oldest.length;
  }
  return decoded;
}

/**
 * Reads a FileDescriptorSet with all its imports. Throws when the bytes are none, or when an import or a type is missing; the
 * error's message names it. The bytes must not change afterwards: the same array gives the same registry while it is in use.
 */
export function openDescriptorSet(descriptorSet: Uint8Array): FileRegistry {
  return decode(descriptorSet).registry;
}

/** The files of a FileDescriptorSet, each after its imports; they are shared, so none may be changed. Throws when the bytes are none. */
export function filesOf(descriptorSet: Uint8Array): readonly FileDescriptorProto[] {
  return decode(descriptorSet).files;
}

/** Files in an order in which each comes after those that it imports; not every tool writes them so. */
function importsFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Set<FileDescriptorProto>();
  const begun = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto) => {
    // A circle of imports is no contract; whoever reads it next says so.
    if (begun.has(file)) return;
    begun.add(file);
    for (const name of file.dependency) {
      const imported = byName.get(name);
      if (imported) add(imported);
    }
    ordered.add(file);
  };
  files.forEach(add);
  return [...ordered];
}

/** The services that a descriptor set is about, by logical name. */
export function servicesByLogicalName(registry: FileRegistry): ReadonlyMap<LogicalName, readonly DescService[]> {
  // A contract may import a file that holds another contract's services; those are not its own to speak for.
  const imported = new Set([...registry.files].flatMap((file) => file.dependencies.map(({ name }) => name)));
  const own = [...registry.files].filter((file) => file.services.length > 0 && !imported.has(file.name));
  const names = new Set(own.map((file) => logicalNameOf(file.proto.package)));
  const found = new Map<LogicalName, DescService[]>();
  for (const file of registry.files) {
    const name = logicalNameOf(file.proto.package);
    if (!names.has(name) || file.services.length === 0) continue;
    found.set(name, [...(found.get(name) ?? []), ...file.services]);
  }
  return found;
}
