import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseLock, productionClosure } from './lock-closure.ts';

const lock = parseLock(
  JSON.stringify({
    lockfileVersion: 3,
    packages: {
      '': { name: 'root' },
      'node_modules/@x/kit': { resolved: 'packages/kit', link: true },
      'node_modules/a': {
        version: '1.0.0',
        dependencies: { b: '2' },
        peerDependencies: { c: '1', d: '1' },
        peerDependenciesMeta: { d: { optional: true } },
      },
      'node_modules/a/node_modules/b': { version: '2.0.0', dependencies: { a: '1' } },
      'node_modules/b': { version: '1.0.0', license: 'MIT' },
      'node_modules/c': { version: '1.0.0' },
      'node_modules/d': { version: '1.0.0' },
      'node_modules/dev': { version: '1.0.0' },
      'packages/kit': { name: '@x/kit', version: '0.1.0', dependencies: { b: '1' }, devDependencies: { dev: '1' } },
      'services/s': {
        name: '@x/s',
        version: '0.1.0',
        dependencies: { '@x/kit': '0.1.0', a: '1' },
        optionalDependencies: { gone: '1' },
      },
    },
  }),
);

test('what a workspace runs with: the nearest version, linked workspaces, peers; nothing of development', (t) => {
  const found = productionClosure(lock, 'services/s').map(({ path, name, version }) => `${path} ${name}@${version}`);
  t.deepEqual(found, [
    'services/s @x/s@0.1.0',
    'node_modules/a a@1.0.0',
    'node_modules/a/node_modules/b b@2.0.0',
    'node_modules/b b@1.0.0',
    'node_modules/c c@1.0.0',
    'packages/kit @x/kit@0.1.0',
  ]);
});

test('a service of this repository runs without tools of development', (t) => {
  const own = parseLock(readFileSync(join(import.meta.dirname, '../package-lock.json'), 'utf8'));
  const names = productionClosure(own, 'services/orders').map(({ name }) => name);
  for (const name of ['@shop/orders', '@weft/service-kit', '@weft/policy', 'pg', '@bufbuild/protovalidate'])
    t.true(names.includes(name), name);
  for (const name of ['ava', 'typescript', '@biomejs/biome', '@weft/dev-postgres']) t.false(names.includes(name), name);
});

test('a package that is not there is an error', (t) => {
  t.throws(() => productionClosure(lock, 'services/other'), { message: /no package services\/other/ });
});
