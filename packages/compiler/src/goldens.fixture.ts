import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileKind } from './mesh-directory/parse-directory.ts';

/** Where the golden pairs are: a mesh directory each, and beside its files the output. */
export const goldens = join(import.meta.dirname, '../goldens');

/** The names of all golden pairs. */
export function goldenNames(): string[] {
  return readdirSync(goldens, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'protos')
    .map(({ name }) => name)
    .sort();
}

/** The files of a golden mesh, by path relative to it. */
export function goldenFiles(name: string): ReadonlyMap<string, Uint8Array> {
  const directory = join(goldens, name);
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((path) => path.split(sep).join('/'));
  return new Map(
    paths
      .filter((path) => fileKind(path) !== undefined)
      .map((path) => [relative('.', path), readFileSync(join(directory, path))]),
  );
}
