import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Files and links below `path`, or `path` itself if it is one: paths from `root` with slashes, in order. Leaves out entries for which
 * `skip` returns true, with everything below them.
 */
export function walkFiles(root: string, path: string, skip: (path: string) => boolean = () => false): string[] {
  const clean = path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  if (clean !== '' && skip(clean)) return [];
  if (!lstatSync(join(root, clean)).isDirectory()) return [clean];
  return readdirSync(join(root, clean))
    .sort()
    .flatMap((entry) => walkFiles(root, clean === '' ? entry : `${clean}/${entry}`, skip));
}
