import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a whole file so that a reader sees the old content or the new, never a part. */
export function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o644): void {
  // The name has no .yaml at its end: whoever watches the directory for manifests does not take it for one.
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, content, { mode });
    renameSync(temporary, path);
  } catch (error) {
    // On a full disk even the part that fitted is in somebody's way.
    rmSync(temporary, { force: true });
    throw error;
  }
}
