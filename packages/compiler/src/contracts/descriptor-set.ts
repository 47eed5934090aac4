import { createFileRegistry, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { LogicalName } from '../model/mesh.ts';
import { logicalNameOf } from './logical-name.ts';

/**
 * Reads a FileDescriptorSet with all its imports. Throws when the bytes are none, or when an import or a type is missing; the
 * error's message names it.
 */
export function openDescriptorSet(descriptorSet: Uint8Array): FileRegistry {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  set.file = importsFirst(set.file);
  return createFileRegistry(set);
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
