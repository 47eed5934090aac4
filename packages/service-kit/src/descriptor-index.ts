import { type DescExtension, type DescFile, toBinary } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

/** Finds the file in which a name of protobuf is declared, among some files and all that they import. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, DescExtension[]>();

  constructor(files: Iterable<DescFile>) {
    for (const file of files) this.#add(file);
  }

  /** By path: "shop/orders/v1/orders.proto". */
  file(path: string): DescFile | undefined {
    return this.#files.get(path);
  }

  /** By full name of a message, enum, extension, service, method, field or enum value. */
  fileOf(symbol: string): DescFile | undefined {
    const name = symbol.replace(/^\./, '');
    const parent = name.slice(0, Math.max(0, name.lastIndexOf('.')));
    return this.#symbols.get(name) ?? this.#symbols.get(parent);
  }

  /** The extensions of a message type. */
  extensionsOf(typeName: string): readonly DescExtension[] {
    return this.#extensions.get(typeName) ?? [];
  }

  #add(file: DescFile): void {
    const path = `${file.name}.proto`;
    if (this.#files.has(path)) return;
    this.#files.set(path, file);
    for (const type of nestedTypes(file)) {
      this.#symbols.set(type.typeName, file);
      if (type.kind !== 'extension') continue;
      const extensions = this.#extensions.get(type.extendee.typeName) ?? [];
      extensions.push(type);
      this.#extensions.set(type.extendee.typeName, extensions);
    }
    for (const imported of file.dependencies) this.#add(imported);
  }
}

/** A file and all that it imports, encoded, each after what it needs. */
export function encodeWithImports(file: DescFile, seen = new Set<DescFile>()): Uint8Array[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = file.dependencies.flatMap((imported) => encodeWithImports(imported, seen));
  return [...imports, toBinary(FileDescriptorProtoSchema, file.proto)];
}
