import { createHash } from 'node:crypto';
import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A digest of `files` below `root`, their executable bits and `texts`, as 12 hex digits. Dates and owners do not count. */
export function contentDigest(root: string, files: readonly string[], texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of [...new Set(files)].sort()) {
    const path = join(root, file);
    const stats = lstatSync(path);
    const kind = stats.isSymbolicLink() ? 'l' : stats.mode & 0o111 ? 'x' : '-';
    hash.update(`\0${file}\0${kind}\0`).update(kind === 'l' ? readlinkSync(path) : readFileSync(path));
  }
  return hash.digest('hex').slice(0, 12);
}
