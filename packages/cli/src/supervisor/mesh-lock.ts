import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';
import { isAlive, type ProcessRecord, processIdentity, processRecord } from './process-records.ts';

/** Permission to run the mesh of a state directory. It ends with the process that holds it, however that ends. */
export interface MeshLock {
  /** Ends it earlier. */
  release(): void;
}

/**
 * Takes the lock in a directory, which is created if necessary. If a living process holds it, returns that process.
 *
 * The lock is the file with the highest number, and it names its holder. A dead holder is followed by the next number, which only one
 * process can create. The highest file is never removed: a process that has just read its number would not notice a new holder.
 */
export function takeMeshLock(directory: string): MeshLock | { readonly holder: ProcessRecord } {
  mkdirSync(directory, { recursive: true });
  const own = { name: 'weft', pid: process.pid, identity: processIdentity(process.pid) ?? '' };
  for (;;) {
    const highest = numbers(directory).at(-1) ?? 0;
    const holder = livingHolder(join(directory, String(highest)));
    if (holder) return { holder };
    const path = join(directory, String(highest + 1));
    if (!create(path, JSON.stringify(own))) continue;
    const all = numbers(directory);
    if (all.at(-1) !== highest + 1) {
      // Others came and went after the first look.
      rmSync(path, { force: true });
      continue;
    }
    for (const number of all) if (number <= highest) rmSync(join(directory, String(number)), { force: true });
    return { release: () => writeFileAtomically(path, '') };
  }
}

/** The living process that holds the lock in a directory; undefined: none. */
export function meshLockHolder(directory: string): ProcessRecord | undefined {
  const highest = numbers(directory).at(-1);
  return highest === undefined ? undefined : livingHolder(join(directory, String(highest)));
}

function numbers(directory: string): number[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number)
      .sort((one, other) => one - other);
  } catch {
    return [];
  }
}

function livingHolder(path: string): ProcessRecord | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  const record = processRecord(text);
  return record && isAlive(record) ? record : undefined;
}

/** Creates a whole file; false if there is one of that name. */
function create(path: string, content: string): boolean {
  const whole = `${path}.${process.pid}`;
  writeFileAtomically(whole, content, 0o600);
  try {
    linkSync(whole, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}
