import { execFile, execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readlink, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..');

/**
 * The release before this one, from which a test upgrades: the newest tag v*.*.* behind HEAD, else the commit in release-baseline.
 * Undefined where the history does not have it, as in a shallow clone.
 */
export function releasedCommit(): string | undefined {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
  const tags = git('tag', '--merged', 'HEAD', '--no-contains', 'HEAD', '--sort=-version:refname', '--list', 'v*.*.*');
  const [newest = readFileSync(join(root, 'release-baseline'), 'utf8').trim()] = tags.split('\n').filter(Boolean);
  try {
    return git('rev-parse', '--verify', `${newest}^{commit}`);
  } catch {
    return undefined;
  }
}

/** A commit of this repository in a temporary directory of its own, with its generated code. The caller removes it. */
export async function checkOut(commit: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'released-'));
  try {
    const archive = join(directory, 'archive.tar');
    await execute('git', ['archive', '--output', archive, commit], { cwd: root });
    await execute('tar', ['-xf', archive, '-C', directory]);
    await rm(archive);
    await linkPackages(directory);
    await generate(directory);
    return directory;
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** Packages of others as they are installed here, and its own packages as they were. */
async function linkPackages(directory: string): Promise<void> {
  const here = join(root, 'node_modules');
  const there = join(directory, 'node_modules');
  const own = new Map<string, string>();
  for (const file of globSync(['{packages,services,contracts}/*/package.json', 'k8s/package.json'], {
    cwd: directory,
  })) {
    const { name }: { name: string } = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    own.set(name, join(directory, dirname(file)));
  }
  const link = async (name: string, target: string): Promise<void> => {
    await mkdir(dirname(join(there, name)), { recursive: true });
    await symlink(target, join(there, name));
  };
  for (const [name, target] of own) await link(name, target);
  for (const name of await readdir(here)) {
    if (name === '.bin') {
      await mkdir(join(there, name));
      // Each names its program by a path from here, so it is that of the package there.
      for (const command of await readdir(join(here, name))) {
        const target = await readlink(join(here, name, command)).catch(() => undefined);
        if (target !== undefined) await symlink(target, join(there, name, command));
      }
    } else if (name.startsWith('.') || own.has(name)) {
    } else if (!existsSync(join(there, name))) {
      await symlink(await realpath(join(here, name)), join(there, name));
    }
  }
}

/** By its own script. What takes longest, Envoy's API, is taken from here where it was made from the same input. */
async function generate(directory: string): Promise<void> {
  const envoy = 'packages/envoy-api/src/gen';
  const stamp = 'node_modules/.cache/weft/envoy-api.sha256';
  if (existsSync(join(root, stamp))) {
    await mkdir(join(directory, dirname(stamp)), { recursive: true });
    await copyFile(join(root, stamp), join(directory, stamp));
    await cp(join(root, envoy), join(directory, envoy), { recursive: true });
  }
  const PATH = `${join(directory, 'node_modules/.bin')}${delimiter}${process.env.PATH}`;
  await execute('node', ['scripts/generate.ts'], {
    cwd: directory,
    env: { ...process.env, PATH },
    maxBuffer: 16 << 20,
  });
}
