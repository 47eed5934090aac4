import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** A project outside of this repository. */
export interface TestProject {
  /** Its root. */
  readonly path: string;
  readonly remove: () => Promise<void>;
}

/**
 * Makes a project of these files, with this repository's packages installed, and with the contract packages that it is going to generate
 * linked as a workspace would: `contracts` by name and folder. The caller removes it.
 */
export async function makeProject(
  files: Readonly<Record<string, string>>,
  contracts: Readonly<Record<string, string>> = {},
): Promise<TestProject> {
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
  for (const [name, folder] of Object.entries(contracts)) {
    const link = join(path, 'node_modules', name);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(path, 'contracts', folder), link);
  }
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
