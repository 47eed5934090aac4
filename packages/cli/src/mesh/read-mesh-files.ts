import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileKind } from '@weft/compiler';

/** The files of a mesh directory, by path relative to it. Rejects when one cannot be read. */
export async function readMeshFiles(directory: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = relative(directory, join(entry.parentPath, entry.name)).split(sep).join('/');
    if (entry.isFile() && fileKind(path) !== undefined) {
      files.set(path, await readFile(join(entry.parentPath, entry.name)));
    }
  }
  return files;
}
