import { execFile, execFileSync } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const digest = `sha256:${'5'.repeat(64)}`;
const noHelm = await execute('helm', ['version']).then(
  () => undefined,
  () => 'there is no helm on PATH',
);

(noHelm === undefined ? test : test.skip)(
  'make release makes everything that is published, from a clean tree',
  async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'release-'));
    t.teardown(() => rm(dir, { recursive: true, force: true }));
    const tree = join(dir, 'weft');
    const left = new Set(['.git', 'node_modules', 'dist', '.weft']);
    await cp(root, tree, {
      recursive: true,
      filter: (path) => !left.has(relative(root, path)) && basename(path) !== 'node_modules',
    });
    await symlink(join(root, 'node_modules'), join(tree, 'node_modules'));
    const git = (...args: string[]) =>
      execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: tree });
    git('init', '--quiet');
    await writeFile(join(tree, '.git/info/exclude'), 'node_modules\n');
    git('add', '.');
    git('commit', '--quiet', '--message', 'all');
    // Images take minutes to build; this one is there at once.
    const builder = join(dir, 'builder');
    await writeFile(builder, `#!/bin/sh\necho ${digest}\n`);
    await chmod(builder, 0o755);

    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const env = { ...process.env, WEFT_IMAGE_BUILDER: builder };
    const { stdout } = await execute(process.execPath, ['scripts/release.ts', version], {
      cwd: tree,
      env,
      maxBuffer: 16 << 20,
    });
    const out = join(tree, 'dist/release', version);
    const sums = await execute('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
    t.is(sums.stdout, '');
    const packages = await readdir(join(out, 'packages'));
    t.true(packages.includes(`weft-cli-${version}.tgz`) && packages.includes(`weft-control-plane-${version}.tgz`));
    t.deepEqual((await readdir(join(out, 'charts'))).sort(), [`weft-${version}.tgz`, `weft-service-${version}.tgz`]);
    const images = JSON.parse(await readFile(join(out, 'images.json'), 'utf8'));
    t.is(images['control-plane'].digest, digest);
    t.regex(stdout, new RegExp(`docker push ${images['control-plane'].reference}\n`));
    const chart = await execute('tar', ['-xzOf', join(out, `charts/weft-${version}.tgz`), 'weft/images.json']);
    t.true(images['control-plane'].reference.endsWith(`:${JSON.parse(chart.stdout)['control-plane']}`));
    const bill = JSON.parse(await readFile(join(out, 'sbom/package-cli.json'), 'utf8'));
    t.is(bill.metadata.component.name, '@weft/cli');
    t.true(bill.components.some(({ name }: { name: string }) => name === 'commander'));
    t.true((await readFile(join(out, 'NOTES.md'), 'utf8')).length > 0);
    for (const name of packages) t.true(stdout.includes(`npm publish dist/release/${version}/packages/${name}`), name);
  },
);
