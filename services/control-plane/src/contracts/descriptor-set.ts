import { createFileRegistry, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { LogicalName } from '../model/mesh.ts';
import { logicalNameOf } from './logical-name.ts';

/**
 * Reads a FileDescriptorSet with all its imports. Throws when the bytes are none, or when an import or a type is missing; the
 * error's message names it.
 */
export function openDescriptorSet(descriptorSet: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
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
