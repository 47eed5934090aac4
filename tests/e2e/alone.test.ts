import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** The one that uses most of the kit. */
const service = 'orders';

test('a service, copied out of the repository with packed packages, builds and passes alone', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'alone-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const run = (command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) =>
    execute(command, args, {
      cwd,
      env: { ...process.env, NODE_PATH: '', ...env },
      timeout: 300_000,
      maxBuffer: 64 << 20,
    });
  const packed = join(dir, 'packages');
  await run(process.execPath, [join(root, 'scripts/pack.ts'), packed], root);
  const tarballs = (await readdir(packed)).map((name) => join(packed, name));
  const home = join(dir, service);
  await cp(join(root, 'services', service), home, {
    recursive: true,
    filter: (path) => !path.endsWith('node_modules'),
  });
  const needed = [...(await ownPackages(join(root, 'services', service)))].map((name) =>
    tarballs.find((tarball) => tarball.includes(`/${name.replace('@', '').replace('/', '-')}-`)),
  );
  t.false(needed.includes(undefined), 'each of our packages that it needs is packed');
  await writeFile(join(home, '.npmrc'), 'fund=false\naudit=false\n');
  await run(
    'npm',
    ['install', '--prefer-offline', '--no-progress', ...needed.filter((tarball) => tarball !== undefined)],
    home,
  );
  const alone = { PATH: `${join(home, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}` };
  await run('npm', ['run', 'build'], home, alone);
  const { stdout } = await run('npm', ['run', 'test'], home, alone);
  t.regex(stdout, /\d+ tests? passed/);
});

/** Our own packages that a package needs, and those that they need. */
async function ownPackages(directory: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
    if (!name.startsWith('@weft/') || found.has(name)) continue;
    found.add(name);
    await ownPackages(join(root, 'node_modules', name), found);
  }
  return found;
}
