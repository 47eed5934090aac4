import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { runTests, summaryOf } from './run-tests.ts';
import { testsOf } from './tests-of-service.ts';

async function service(t: ExecutionContext, files: Readonly<Record<string, string>> = {}) {
  const root = await mkdtemp(join(tmpdir(), 'tests-'));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  const directory = join(root, 'services/bread');
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  return { root, directory };
}

test('tests are what weft.yaml says, else the script of package.json', async (t) => {
  const packageJson = { 'services/bread/package.json': '{"scripts": {"test": "ava"}}' };
  const { root, directory } = await service(t, packageJson);
  t.deepEqual(testsOf({ directory, test: ['python3', '-m', 'pytest'] }, root), ['python3', '-m', 'pytest']);
  t.deepEqual(testsOf({ directory, test: undefined }, root), ['npm', 'test', '--silent']);
  const pnpm = await service(t, { ...packageJson, 'package.json': '{"packageManager": "pnpm@10.2.0"}' });
  t.deepEqual(testsOf({ directory: pnpm.directory, test: undefined }, pnpm.root), ['pnpm', '--silent', 'test']);
});

test('a service without tests has none', async (t) => {
  const { root, directory } = await service(t);
  t.is(testsOf({ directory, test: undefined }, root), undefined);
  const other = await service(t, { 'services/bread/package.json': '{}' });
  t.is(testsOf({ directory: other.directory, test: undefined }, other.root), undefined);
});

test('tests run in the folder of their service, with its variables and the tools of the project', async (t) => {
  const { root, directory } = await service(t);
  const script = `
    const { PATH, GREETING } = process.env;
    process.exit(process.cwd().endsWith('services/bread') && GREETING === 'hello' && PATH.startsWith(${JSON.stringify(
      join(directory, 'node_modules/.bin'),
    )}) ? 0 : 1)`;
  const result = await runTests(
    { name: 'bread', directory, env: { GREETING: 'hello' } },
    [process.execPath, '-e', script],
    { root, output: 2 },
  );
  t.is(result.failure, undefined);
  t.true(result.seconds > 0);
});

test('a failure says how it ended', async (t) => {
  const { root, directory } = await service(t);
  const run = async (...command: [string, ...string[]]) =>
    (await runTests({ name: 'bread', directory, env: {} }, command, { root, output: 2 })).failure;
  t.is(await run(process.execPath, '-e', 'process.exit(3)'), 'exit code 3');
  t.is(await run(process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'), 'ended by SIGKILL');
  t.regex((await run('no-such-program')) ?? '', /^no-such-program could not be started: .*ENOENT/);
});

test('the summary counts and names', (t) => {
  const passed = { service: 'oven', seconds: 1 };
  t.is(summaryOf([passed], []), '1 service tested: 1 passed, 0 failed');
  t.is(
    summaryOf([passed, { service: 'bread', seconds: 1, failure: 'exit code 1' }], ['cart']),
    '2 services tested: 1 passed, 1 failed (bread: exit code 1); no tests: cart',
  );
});
