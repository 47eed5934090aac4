import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { hasLockFile, packageManagerOf, weftHere } from './package-manager.ts';

async function project(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'package-manager-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  return root;
}

for (const [files, packageManager, locked] of [
  [{}, 'npm', false],
  [{ 'package-lock.json': '' }, 'npm', true],
  [{ 'pnpm-workspace.yaml': '' }, 'pnpm', false],
  [{ 'pnpm-lock.yaml': '' }, 'pnpm', true],
  [{ 'yarn.lock': '' }, 'yarn', true],
  [{ 'bun.lock': '' }, 'bun', true],
  [{ 'package.json': '{"packageManager": "yarn@4.9.0"}', 'package-lock.json': '' }, 'yarn', true],
  [{ 'package.json': '{"packageManager": "bun@1.3.0"}' }, 'bun', false],
] as const) {
  test(`${Object.keys(files).join(' and ') || 'nothing'} tells of ${packageManager}, ${locked}`, async (t) => {
    const root = await project(t, files);
    t.is(packageManagerOf(root), packageManager);
    t.is(hasLockFile(root), locked);
  });
}

test('a person is told to type what they have typed, else what the project is installed with', async (t) => {
  const root = await project(t, { 'pnpm-lock.yaml': '' });
  const below = join(root, 'services/bread');
  await mkdir(below, { recursive: true });
  t.is(weftHere({ npm_config_user_agent: 'yarn/4.9.0 npm/? node/v24.0.0 linux x64' }, below), 'yarn weft');
  t.is(weftHere({ npm_config_user_agent: 'bun/1.3.0 npm/? node/v24.0.0 linux x64' }, below), 'bunx weft');
  t.is(weftHere({ npm_config_user_agent: 'npm/11.0.0 node/v24.0.0 linux x64' }, below), 'npx weft');
  t.is(weftHere({}, below), 'pnpm weft');
});
