import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A .proto file. */
export interface ProtoFile {
  /** As others import it: "bakery/orders/v1/orders.proto". */
  readonly importPath: string;
  /** Where it is, absolute. */
  readonly path: string;
}

/** The .proto files below a folder, by import path. */
export function protoFilesIn(folder: string): ProtoFile[] {
  return globSync('**/*.proto', { cwd: folder, exclude: (name) => name === 'node_modules' })
    .map((file) => ({ importPath: file.replaceAll('\\', '/'), path: join(folder, file) }))
    .sort((a, b) => (a.importPath < b.importPath ? -1 : 1));
}

/** The package that a .proto file declares; undefined where it declares none, or where nothing can be read. */
export function declaredPackage(file: ProtoFile): string | undefined {
  return /^\s*package\s+([\w.]+)\s*;/m.exec(readFileSync(file.path, 'utf8'))?.[1];
}
