import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** The files below a directory as `sha256sum` lists them, by path; `sha256sum --check` reads it. */
export function checksums(directory: string): string {
  return globSync('**/*', { cwd: directory })
    .filter((file) => file !== 'SHA256SUMS' && statSync(join(directory, file)).isFile())
    .sort()
    .map(
      (file) =>
        `${createHash('sha256')
          .update(readFileSync(join(directory, file)))
          .digest('hex')}  ${file}\n`,
    )
    .join('');
}
