import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import test, { type ExecutionContext } from 'ava';
import { main } from './main.js';
import { packageManagerOf } from './package-manager.js';
import { projectNames } from './project-name.js';

/** Runs the command in an empty directory; `typed` is what a person answers. */
async function create(t: ExecutionContext, args: readonly string[], more: { typed?: string; userAgent?: string } = {}) {
  const cwd = await mkdtemp(join(tmpdir(), 'create-weft-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  return { cwd, ...(await createIn(cwd, args, more)) };
}

async function createIn(cwd: string, args: readonly string[], more: { typed?: string; userAgent?: string } = {}) {
  const stdin = Object.assign(new PassThrough(), { isTTY: more.typed !== undefined });
  stdin.end(more.typed);
  const stdout = new PassThrough().setEncoding('utf8');
  const stderr = new PassThrough().setEncoding('utf8');
  const env = more.userAgent === undefined ? {} : { npm_config_user_agent: more.userAgent };
  const code = await main(args, { cwd: () => cwd, env, stdin, stdout, stderr });
  return { code, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

test('a project has the names that follow from its own', async (t) => {
  const { cwd, code, stdout } = await create(t, ['fine-bakery', '--no-install']);
  t.is(code, 0);
  t.is(stdout, '\nNext:\n  cd fine-bakery\n  npm install\n  npx weft up\n');
  const read = (path: string) => readFile(join(cwd, 'fine-bakery', path), 'utf8');
  t.regex(await read('proto/fine_bakery/oven/v1/oven.proto'), /^package fine_bakery\.oven\.v1;$/m);
  t.regex(await read('services/bread/src/main.ts'), /'@fine-bakery\/oven-contract\/v1'/);
  t.is(JSON.parse(await read('package.json')).name, 'fine-bakery');
  t.true(existsSync(join(cwd, 'fine-bakery/.gitignore')));
});

test('no word of a template is left, whatever the package manager', async (t) => {
  for (const userAgent of ['npm/11.0.0 node/v24.0.0 linux x64', 'pnpm/10.2.0 npm/? node/v24.0.0 linux x64']) {
    const { cwd } = await create(t, ['bakery', '--no-install'], { userAgent });
    const directory = join(cwd, 'bakery');
    for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
      t.notRegex(entry.name, /__|^dot-/);
      if (entry.isFile()) t.notRegex(await readFile(join(entry.parentPath, entry.name), 'utf8'), /__[a-z]/, entry.name);
    }
    const manifest = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8'));
    const pnpm = userAgent.startsWith('pnpm');
    t.is(existsSync(join(directory, 'pnpm-workspace.yaml')), pnpm);
    t.is(manifest.workspaces === undefined, pnpm);
  }
});

test('what pnpm started says what to do with pnpm; the flag decides', async (t) => {
  const userAgent = 'pnpm/10.2.0 npm/? node/v24.0.0 linux x64';
  t.regex((await create(t, ['bakery', '--no-install'], { userAgent })).stdout, /pnpm install\n {2}pnpm weft up/);
  const { stdout } = await create(t, ['bakery', '--no-install', '--package-manager', 'npm'], { userAgent });
  t.regex(stdout, /npm install\n {2}npx weft up/);
  t.is(packageManagerOf('yarn/4.0.0'), 'npm');
  t.is(packageManagerOf(undefined), 'npm');
});

test('npm and pnpm may run the install scripts of the same packages', async (t) => {
  const npm = await create(t, ['bakery', '--no-install', '--package-manager', 'npm']);
  const { allowScripts } = JSON.parse(await readFile(join(npm.cwd, 'bakery/package.json'), 'utf8'));
  const pnpm = await create(t, ['bakery', '--no-install', '--package-manager', 'pnpm']);
  const workspace = await readFile(join(pnpm.cwd, 'bakery/pnpm-workspace.yaml'), 'utf8');
  // pnpm 11 and later read nothing else, and fail for a package that is neither allowed nor refused.
  const [, allowBuilds = ''] = /^allowBuilds:\n((?: .*\n)*)/m.exec(workspace) ?? [];
  const allowed = [...allowBuilds.matchAll(/^ {2}"?([^":]+)"?: (true|false)$/gm)].map(([, name, may]) => [name, may]);
  t.deepEqual(Object.fromEntries(allowed.map(([name, may]) => [name, may === 'true'])), allowScripts);
});

test('a person is asked for the name, again while it cannot be, and for the template', async (t) => {
  const { code, cwd, stdout, stderr } = await create(t, ['--no-install'], { typed: 'My Bakery\nbakery\n1\n' });
  t.is(code, 0, stderr);
  t.regex(stderr, /"My Bakery" must be .* for example my-bakery\.\n/);
  t.regex(stdout, /cd bakery/);
  t.true(existsSync(join(cwd, 'bakery/services/oven')));
});

test('a person who gives no answer gets no project', async (t) => {
  const { code, cwd, stderr } = await create(t, ['--no-install'], { typed: 'bakery\n' });
  t.is(code, 1);
  t.regex(stderr, /No answer was given/);
  t.deepEqual(await readdir(cwd), []);
});

test('where nobody can be asked, a name is needed and hello is made', async (t) => {
  const { code, stderr } = await create(t, ['--yes', '--no-install'], { typed: '' });
  t.is(code, 1);
  t.is(stderr, 'create-weft: A name is missing; give one, for example: npm create weft@latest bakery\n');
});

for (const [name, near] of [
  ['Bakery', 'bakery'],
  ['my bakery', 'my-bakery'],
  ['7th-bakery', 'th-bakery'],
  ['bäckerei', 'backerei'],
  ['bakery-', 'bakery'],
  ['bakery.shop', 'bakery-shop'],
  ['a'.repeat(41), 'a'.repeat(40)],
  ['..', undefined],
  ['', undefined],
] as const) {
  test(`"${name}" is not a valid name of a project`, (t) => {
    const error = t.throws(() => projectNames(name));
    t.true(error.message.includes('must be 1 to 40 characters of a-z, 0-9 and -'));
    t.is(/, for example (.*)\.$/.exec(error.message)?.[1], near);
  });
}

test('a project cannot have the proto package of others', (t) => {
  t.throws(() => projectNames('weft'), {
    message: 'The name "weft" is reserved; choose another, for example my-weft.',
  });
  t.throws(() => projectNames('google'), { message: /reserved/ });
});

test('a folder with files is never written to', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'create-weft-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  await mkdir(join(cwd, 'bakery'));
  await writeFile(join(cwd, 'bakery/notes.txt'), 'mine');
  const { code, stderr } = await createIn(cwd, ['bakery', '--no-install']);
  t.is(code, 1);
  t.true(stderr.includes(`${join(cwd, 'bakery')} is not empty (it has notes.txt); choose another name`));
  t.deepEqual(await readdir(join(cwd, 'bakery')), ['notes.txt']);
  // A file is no folder, either.
  await writeFile(join(cwd, 'cafe'), '');
  t.regex((await createIn(cwd, ['cafe', '--no-install'])).stderr, /cafe is a file; choose another name/);
});

test('the name that is proposed is of a folder that can be made, and another is asked for anew', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'create-weft-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  await mkdir(join(cwd, 'bakery'));
  await writeFile(join(cwd, 'bakery/notes.txt'), 'mine');
  const { code, stderr } = await createIn(cwd, ['--no-install'], { typed: 'bakery\n\n1\n' });
  t.is(code, 0, stderr);
  t.regex(stderr, /bakery is not empty/);
  t.true(existsSync(join(cwd, 'bakery-2/package.json')));
});

test('a fresh clone is as good as empty, and "." is a name, too', async (t) => {
  const cwd = await mkdtemp(join(tmpdir(), 'create-weft-'));
  t.teardown(() => rm(cwd, { recursive: true, force: true }));
  const clone = join(cwd, 'bakery');
  await mkdir(join(clone, '.git'), { recursive: true });
  const { code, stdout, stderr } = await createIn(clone, ['.', '--no-install']);
  t.is(code, 0, stderr);
  t.is(stdout, '\nNext:\n  npm install\n  npx weft up\n');
  t.true(existsSync(join(clone, 'weft.project.yaml')));
});

test('what cannot be meant is one sentence', async (t) => {
  const says = async (...args: string[]) => (await create(t, [...args, '--no-install'])).stderr;
  t.is(
    await says('bakery', '--template', 'cafe'),
    'create-weft: --template cafe does not exist; it must be one of hello, shop.\n',
  );
  t.regex(
    await says('bakery', '--package-manager', 'yarn'),
    /--package-manager yarn does not exist; it must be one of npm, pnpm/,
  );
  t.regex(await says('bakery', 'cafe'), /Expected one directory, but got 2: bakery, cafe/);
  t.regex(await says('bakery', '--colour'), /'--colour'; --help lists the options/);
});

test('--json has the answer, and what went wrong', async (t) => {
  const { cwd, stdout, stderr } = await create(t, ['bakery', '--json', '--no-install']);
  t.is(stderr, '');
  t.deepEqual(JSON.parse(stdout), {
    name: 'bakery',
    directory: join(cwd, 'bakery'),
    template: 'hello',
    packageManager: 'npm',
    installed: false,
    next: ['cd bakery', 'npm install', 'npx weft up'],
  });
  const failed = await createIn(cwd, ['bakery', '--json']);
  t.is(failed.code, 1);
  t.regex(JSON.parse(failed.stdout).error, /is not empty/);
});

test('the command itself starts', async (t) => {
  const bin = join(import.meta.dirname, '../bin/create-weft.js');
  const stdout = await new Promise<string>((resolve, reject) =>
    execFile(process.execPath, [bin, '--help'], (error, out) => (error ? reject(error) : resolve(out))),
  );
  t.regex(stdout, /^Creates a project/);
});
