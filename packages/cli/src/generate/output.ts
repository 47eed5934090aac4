import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import type { MadeFile } from './typescript-code.ts';

/** Writes the files that are missing or different, each atomically. With `check`, writes nothing. Returns their paths. */
export function writeChanged(directory: string, files: readonly MadeFile[], check = false): string[] {
  return files.flatMap(({ path, content }) => {
    const file = join(directory, path);
    if (existsSync(file) && readFileSync(file).equals(Buffer.from(content))) return [];
    if (check) return [path];
    mkdirSync(dirname(file), { recursive: true });
    writeFileAtomically(file, content);
    return [path];
  });
}

/** Removes the files below a folder that are not in `files`. With `check`, removes nothing. Returns their paths. */
export function removeOthers(directory: string, files: readonly MadeFile[], check = false): string[] {
  const made = new Set(files.map(({ path }) => path));
  const others = globSync('**/*.*', { cwd: directory }).filter((path) => !made.has(path));
  if (!check) for (const path of others) rmSync(join(directory, path), { recursive: true, force: true });
  return others;
}
