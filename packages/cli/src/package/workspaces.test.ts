import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findInstallation, neededWorkspaces } from './workspaces.ts';

function project(t: ExecutionContext, files: Readonly<Record<string, object | string>>): string {
  const directory = mkdtempSync(join(tmpdir(), 'weft-workspaces-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), typeof content === 'string' ? content : JSON.stringify(content));
  }
  return directory;
}

const packages = {
  'services/cart/package.json': { name: '@b/cart', dependencies: { '@b/bread-contract': '*', pg: '*' } },
  'services/other/package.json': { name: '@b/other' },
  'contracts/bread/package.json': { name: '@b/bread-contract', peerDependencies: { '@b/money-contract': '*' } },
  'contracts/money/package.json': { name: '@b/money-contract', dependencies: { '@b/bread-contract': '*' } },
  'contracts/oven/package.json': { name: '@b/oven-contract', devDependencies: { '@b/cart': '*' } },
};
const layouts: Readonly<Record<string, Readonly<Record<string, object | string>>>> = {
  npm: { 'package.json': { workspaces: ['contracts/*', 'services/*'] }, 'package-lock.json': {} },
  'npm with an object': { 'package.json': { workspaces: { packages: ['*/*'] } }, 'package-lock.json': {} },
  pnpm: {
    'package.json': {},
    'pnpm-lock.yaml': '',
    'pnpm-workspace.yaml': 'packages: [contracts/*, services/**, "!services/other"]\n',
  },
};

for (const [name, layout] of Object.entries(layouts)) {
  test(`a service brings the workspaces that it needs, and theirs: ${name}`, (t) => {
    const root = project(t, { ...layout, ...packages });
    const installation = findInstallation(join(root, 'services/cart'));
    t.is(installation.root, root);
    t.is(installation.manager, name.startsWith('npm') ? 'npm' : 'pnpm');
    const needed = neededWorkspaces(installation, join(root, 'services/cart'));
    t.deepEqual(
      needed.map(({ path }) => path),
      ['services/cart', 'contracts/bread', 'contracts/money'],
    );
  });
}

test('a service with a lock file of its own is an installation of its own', (t) => {
  const root = project(t, { ...layouts.npm, ...packages, 'services/cart/package-lock.json': {} });
  const installation = findInstallation(join(root, 'services/cart'));
  t.deepEqual(
    neededWorkspaces(installation, join(root, 'services/cart')).map(({ path }) => path),
    ['.'],
  );
});

test('without a lock file it says what to do', (t) => {
  const root = project(t, packages);
  t.throws(() => findInstallation(join(root, 'services/cart')), {
    message: /services\/cart nor a directory above it has a package-lock\.json or pnpm-lock\.yaml; run npm install/,
  });
});
