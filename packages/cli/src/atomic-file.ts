import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a whole file so that a reader sees either the old or the new content, never a part. */
export function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o644): void {
  // The name does not end in .yaml, so that a watcher of the directory does not take it for a manifest.
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { mode });
    renameSync(temporary, path);
  } catch (error) {
    // On a full disk, the part that was written would only take up space.
    rmSync(temporary, { force: true });
    throw error;
  }
}
