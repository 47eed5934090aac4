import { type DescFile, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { declarationsOf } from './declarations.ts';

/** Finds the file in which a name of protobuf is declared, among some files and all that they import. */
export class DescriptorIndex {
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  constructor(files: Iterable<DescFile>) {
    for (const file of files) this.#add(file);
  }

  /** By path: "bakery/orders/v1/orders.proto". */
  file(path: string): DescFile | undefined {
    return this.#files.get(path);
  }

  /** By the full name of whatever a file declares; see {@link declarationsOf}. */
  fileOf(symbol: string): DescFile | undefined {
    return this.#symbols.get(symbol.replace(/^\./, ''));
  }

  /** The extensions of a message type: the file of each, by number. */
  extensionsOf(typeName: string): ReadonlyMap<number, DescFile> {
    return this.#extensions.get(typeName) ?? new Map();
  }

  #add(file: DescFile): void {
    const path = `${file.name}.proto`;
    if (this.#files.has(path)) return;
    this.#files.set(path, file);
    const { names, extensions } = declarationsOf(file.proto);
    for (const name of names) this.#symbols.set(name, file);
    for (const { extendee, number } of extensions) {
      const known = this.#extensions.get(extendee) ?? new Map<number, DescFile>();
      this.#extensions.set(extendee, known.set(number, file));
    }
    for (const imported of file.dependencies) this.#add(imported);
  }
}

/** A file and all that it imports, encoded, each after what it needs. Encoded once. */
export function encodeWithImports(file: DescFile, seen = new Set<DescFile>()): Uint8Array[] {
  if (seen.has(file)) return [];
  seen.add(file);
  const imports = file.dependencies.flatMap((imported) => encodeWithImports(imported, seen));
  let bytes = encoded.get(file);
  if (!bytes) {
    bytes = toBinary(FileDescriptorProtoSchema, file.proto);
    encoded.set(file, bytes);
  }
  return [...imports, bytes];
}

const encoded = new WeakMap<DescFile, Uint8Array>();
