import test from 'ava';
import { placesOf } from './watched-place.ts';

const follows = (globs: readonly string[], path: string) =>
  placesOf('/p/services/cart', globs).some((place) => place.follows(path));

test('globs are relative to the folder of the service, and may lead out of it', (t) => {
  t.true(follows(['src/**'], '/p/services/cart/src/deep/main.ts'));
  t.false(follows(['src/**'], '/p/services/cart/test/main.ts'));
  t.false(follows(['src/**'], '/p/services/cart2/src/main.ts'));
  t.true(follows(['*.py'], '/p/services/cart/main.py'));
  t.false(follows(['*.py'], '/p/services/cart/deep/main.py'));
  t.true(follows(['package.json'], '/p/services/cart/package.json'));
  t.true(follows(['../../shared/src/**'], '/p/shared/src/money.ts'));
  t.true(follows(['src/**/*.{ts,sql}'], '/p/services/cart/src/a/b.sql'));
});

test('of all files, what tools write beside them is not meant', (t) => {
  t.true(follows(['**/*'], '/p/services/cart/cart/main.py'));
  t.true(follows(['**/*'], '/p/services/cart/main.py'));
  for (const path of [
    'node_modules/a.js',
    '__pycache__/a.pyc',
    '.venv/a.py',
    'a/.git/b',
    '.env',
    'main.py~',
    '#main.py#',
    'main.swp',
  ]) {
    t.false(follows(['**/*'], `/p/services/cart/${path}`), path);
  }
});

test('only as deep as a glob can mean', (t) => {
  t.deepEqual(
    placesOf('/p', ['src/**', '*.py', 'package.json', 'a/*/b.ts']).map(({ directory, depth }) => [directory, depth]),
    [
      ['/p/src', Number.POSITIVE_INFINITY],
      ['/p', 0],
      ['/p', 0],
      ['/p/a', 1],
    ],
  );
});
