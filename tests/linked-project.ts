import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..');

/** A project outside of this repository, made by create-weft. Its packages are links to this repository's, so nothing is downloaded. */
export interface LinkedProject {
  readonly directory: string;
  /** Runs a command in it; what that printed on stdout. Rejects with all that it printed. */
  run(command: string, ...args: readonly string[]): Promise<string>;
  /** `run` with the project's own `weft`. */
  weft(...args: readonly string[]): Promise<string>;
  /** A file of the project. */
  read(path: string): Promise<string>;
  /** Stops its mesh, if one runs, and removes it. */
  remove(): Promise<void>;
}

/** Makes a project as `npm create weft NAME` does, in a temporary directory. */
export async function createLinkedProject(name: string, ...options: readonly string[]): Promise<LinkedProject> {
  const parent = await mkdtemp(join(tmpdir(), 'create-'));
  const directory = join(parent, name);
  const modules = join(directory, 'node_modules');
  const env = {
    ...process.env,
    NO_COLOR: '1',
    PATH: [join(modules, '.bin'), process.env.PATH ?? ''].join(delimiter),
    npm_config_update_notifier: 'false',
  };
  const runIn = async (cwd: string, command: string, args: readonly string[]): Promise<string> => {
    try {
      return (await execute(command, args, { cwd, env, timeout: 120_000, maxBuffer: 64 << 20 })).stdout;
    } catch (error) {
      const said =
        error instanceof Error && 'stdout' in error && 'stderr' in error ? `${error.stdout}${error.stderr}` : '';
      throw new Error(`${command} ${args.join(' ')} failed:\n${said.slice(-6000)}`, { cause: error });
    }
  };
  const run = (command: string, ...args: readonly string[]) => runIn(directory, command, args);
  const create = join(root, 'packages/create-weft/bin/create-weft.js');
  await runIn(parent, process.execPath, [create, name, '--no-install', ...options]);
  await linkPackages(directory, modules);
  return {
    directory,
    run,
    weft: (...args) => run('weft', ...args),
    read: (path) => readFile(join(directory, path), 'utf8'),
    remove: async () => {
      await run('weft', 'down').catch(() => {});
      await rm(parent, { recursive: true, force: true });
    },
  };
}

/** What `npm install` would do: this repository's packages from its own node_modules, and the project's workspaces. */
async function linkPackages(directory: string, modules: string): Promise<void> {
  await mkdir(modules);
  const installed = join(root, 'node_modules');
  for (const entry of await readdir(installed)) await symlink(join(installed, entry), join(modules, entry));
  for (const kind of ['contracts', 'services']) {
    for (const folder of await readdir(join(directory, kind))) {
      const workspace = join(directory, kind, folder);
      const { name } = JSON.parse(await readFile(join(workspace, 'package.json'), 'utf8'));
      const link = join(modules, name);
      await mkdir(join(link, '..'), { recursive: true });
      await symlink(workspace, link);
    }
  }
}
