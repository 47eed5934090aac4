import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomically } from '../atomic-file.ts';

/** The file that makes a folder a service. */
const manifestName = 'weft.yaml';

/**
 * Writes a service's folder. A running mesh sees it only when it is complete: weft.yaml is written last, after `prepare`, which installs
 * what the rest needs. On failure, the folder is removed.
 */
export async function placeService(
  folder: string,
  files: ReadonlyMap<string, string>,
  prepare: () => Promise<void>,
): Promise<void> {
  if (existsSync(folder)) throw new Error(`${folder} exists already`);
  try {
    for (const [path, text] of files) {
      if (path === manifestName) continue;
      const file = join(folder, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    await prepare();
    writeFileAtomically(join(folder, manifestName), files.get(manifestName) ?? '');
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}
