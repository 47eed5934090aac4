import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');

test('a service, copied out of the repository with packed packages, builds and passes alone', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'alone-'));
  t.teardown(() => rm(dir, { recursive: true, force: true }));
  const run = (command: string, args: readonly string[], cwd: string) =>
    execute(command, args, { cwd, env: { ...process.env, NODE_PATH: '' }, timeout: 300_000, maxBuffer: 64 << 20 });
  const packed = join(dir, 'packages');
  await run(process.execPath, [join(root, 'scripts/pack.ts'), packed], root);
  const tarballs = (await readdir(packed)).map((name) => join(packed, name));
  // The one that uses most of the kit.
  for (const service of ['orders']) {
    const home = join(dir, service);
    await cp(join(root, 'services', service), home, {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules'),
    });
    const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8'));
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
    const needed = tarballs.filter((tarball) =>
      ['contracts', 'service-kit', 'dev-postgres', 'dev-envoy'].some(
        (name) => tarball.includes(`weft-${name}-`) && (wanted[`@weft/${name}`] || name === 'contracts'),
      ),
    );
    await writeFile(join(home, '.npmrc'), 'fund=false\naudit=false\n');
    await run('npm', ['install', '--prefer-offline', '--no-progress', ...needed], home);
    const path = `${join(home, 'node_modules/.bin')}${delimiter}${process.env.PATH ?? ''}`;
    for (const script of ['build', 'test']) {
      const { stdout } = await execute('npm', ['run', script], {
        cwd: home,
        env: { ...process.env, PATH: path },
        timeout: 300_000,
        maxBuffer: 64 << 20,
      });
      if (script === 'test') t.regex(stdout, /\d+ tests? passed/, service);
    }
  }
});
