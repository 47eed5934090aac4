import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { packedPackages } from '../packed-packages.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** The one that uses most of the kit. */
const service = 'orders';

let dir: string;
let tarballs: readonly string[];

test.before('packages are packed', async () => {
  dir = await mkdtemp(join(tmpdir(), 'alone-'));
  const contracts = join(dir, 'contracts');
  await run(process.execPath, [join(root, 'packages/cli/bin/weft.js'), 'contract', 'pack', '--out', contracts], root);
  const packed = (await packedPackages(root)).map(({ file }) => file);
  tarballs = [...packed, ...(await readdir(contracts)).map((name) => join(contracts, name))];
});

test.after.always(() => rm(dir, { recursive: true, force: true }));

test.serial('a service, copied out of the repository with packed packages, builds and passes alone', async (t) => {
  const home = join(dir, service);
  await cp(join(root, 'services', service), home, {
    recursive: true,
    filter: (path) => !path.endsWith('node_modules'),
  });
  await install(home, await ownPackages(join(root, 'services', service)));
  const alone = { PATH: `${join(home, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };
  await run('npm', ['run', 'build'], home, alone);
  const { stdout } = await run('npm', ['run', 'test'], home, alone);
  t.regex(stdout, /\d+ tests? passed/);
});

/** Runs a command. When it fails, the error has the end of all that it printed. */
async function run(command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
  try {
    return await execute(command, args, {
      cwd,
      env: { ...process.env, NODE_PATH: '', ...env },
      timeout: 300_000,
      maxBuffer: 64 << 20,
    });
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    const [summary] = message.split('\n');
    throw new Error(`${summary}\n${`${stdout}\n${stderr}`.slice(-8_000)}`, { cause: error });
  }
}

/**
 * Installs these packages of ours from their tarballs, and whatever else `home` needs, in the versions of this repository's lock file:
 * what a registry has released since then must not decide a test.
 */
async function install(home: string, names: ReadonlySet<string>): Promise<void> {
  const needed = [...names].map((name) => {
    const tarball = tarballs.find((each) => each.includes(`/${name.replace('@', '').replace('/', '-')}-`));
    if (tarball === undefined) throw new Error(`${name} is not packed`);
    return tarball;
  });
  await writeFile(join(home, '.npmrc'), 'fund=false\naudit=false\n');
  await writeFile(join(home, 'package-lock.json'), await lockedVersions(home));
  await run('npm', ['install', '--prefer-offline', '--no-progress', ...needed], home);
}

/** A lock file for the package in `home` with the versions of every package here that comes from a registry. */
async function lockedVersions(home: string): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  const { name, version, dependencies, devDependencies } = JSON.parse(
    await readFile(join(home, 'package.json'), 'utf8'),
  );
  const fromRegistry = Object.entries<{ link?: boolean }>(lock.packages).filter(
    ([path, { link }]) => path.startsWith('node_modules/') && link !== true,
  );
  return JSON.stringify({
    name,
    version,
    lockfileVersion: lock.lockfileVersion,
    packages: { '': { name, version, dependencies, devDependencies }, ...Object.fromEntries(fromRegistry) },
  });
}

/** Our own packages that a service is built and tested with, and those that they need. */
async function ownPackages(directory: string): Promise<ReadonlySet<string>> {
  const { devDependencies } = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  const found = new Set<string>();
  const add = async (dependencies: object = {}): Promise<void> => {
    for (const name of Object.keys(dependencies)) {
      if (!/^@(weft|shop)\//.test(name) || found.has(name)) continue;
      found.add(name);
      await addFrom(join(root, 'node_modules', name));
    }
  };
  const addFrom = async (place: string): Promise<void> =>
    add(JSON.parse(await readFile(join(place, 'package.json'), 'utf8')).dependencies);
  await addFrom(directory);
  await add(devDependencies);
  return found;
}
