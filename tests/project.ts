import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** Makes a project of one's own outside of this repository, with this repository's packages installed. The caller removes it. */
export async function makeProject(files: Readonly<Record<string, string>>): Promise<{
  readonly path: string;
  readonly remove: () => Promise<void>;
}> {
  const path = await mkdtemp(join(tmpdir(), 'project-'));
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, file)), { recursive: true });
    await writeFile(join(path, file), text);
  }
  // Each project has a cache of compiled code in its node_modules, so they are not this repository's own folder.
  await mkdir(join(path, 'node_modules'), { recursive: true });
  for (const name of ['.bin', '@weft', '@bufbuild', '@connectrpc', '@grpc']) {
    await symlink(join(root, 'node_modules', name), join(path, 'node_modules', name));
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
