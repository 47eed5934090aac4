import test from 'ava';
import { pathsBefore, prefixSubstitution, substituted, substitutionOf } from './path-rewrite.ts';

const elements = (prefix: string) => ({ pathSeparatedPrefix: prefix });
const plain = (prefix: string) => ({ prefix });

// The table of the Gateway API (HTTPPathModifier), and its neighbors.
const rewrites: readonly (readonly [
  path: string,
  match: ReturnType<typeof elements | typeof plain>,
  by: string,
  to: string,
])[] = [
  ['/foo/bar', elements('/foo'), '/xyz', '/xyz/bar'],
  ['/foo/bar', elements('/foo'), '/xyz/', '/xyz/bar'],
  ['/foo/bar', elements('/foo/'), '/xyz', '/xyz/bar'],
  ['/foo/bar', elements('/foo/'), '/xyz/', '/xyz/bar'],
  ['/foo', elements('/foo'), '/xyz', '/xyz'],
  ['/foo/', elements('/foo'), '/xyz', '/xyz/'],
  ['/foo/bar', elements('/foo'), '', '/bar'],
  ['/foo/', elements('/foo'), '', '/'],
  ['/foo', elements('/foo'), '', '/'],
  ['/foo/', elements('/foo'), '/', '/'],
  ['/foo', elements('/foo'), '/', '/'],
  ['/foo/bar', elements('/foo'), '/', '/bar'],
  ['/bar', elements('/'), '/xyz', '/xyz/bar'],
  ['/', elements('/'), '/xyz', '/xyz/'],
  ['/bar', elements('/'), '/', '/bar'],
  ['/a.b+(c)/d', elements('/a.b+(c)'), '/$1', '/$1/d'],
  ['/foo/%2Fbar%20', elements('/foo'), '/x', '/x/%2Fbar%20'],
  // App Mesh: by default a matched prefix becomes "/".
  ['/v1/a', plain('/v1/'), '/', '/a'],
  ['/v1/', plain('/v1/'), '/', '/'],
  ['/v1', plain('/v1'), '/', '/'],
  ['/v1/a', plain('/v1'), '/', '/a'],
  ['/v1beta', plain('/v1'), '/', '/beta'],
  ['/v1/a', plain('/v1'), '/x/', '/x/a'],
  ['/v1/a', plain('/v1/'), '/x/', '/x/a'],
  ['/v1/a', plain('/v1/'), '/x', '/x/a'],
  ['/v1beta', plain('/v1'), '/x', '/xbeta'],
  ['/v1', plain('/v1'), '', '/'],
  ['/a', plain('/'), '/x/', '/x/a'],
  ['/', plain('/'), '/x', '/x/'],
];
for (const [path, match, by, to] of rewrites) {
  test(`${path}, matched by ${Object.entries(match).join(' ')}, replaced by "${by}"`, (t) => {
    t.is(substituted(path, prefixSubstitution(match, by)), to);
  });
}

test('a full path is what comes out, whatever it looks like', (t) => {
  const change = substitutionOf({ fullPath: '/$&' }, { path: { regex: '/.*' } });
  t.is(change && substituted('/a/b', change), '/$&');
});

test('a prefix that is replaced by itself stays', (t) => {
  t.is(substitutionOf({ prefix: '/' }, undefined), undefined);
  t.is(substitutionOf({ prefix: '' }, { path: plain('/') }), undefined);
  t.is(substitutionOf({ prefix: '/a/' }, { path: elements('/a') }), undefined);
  t.not(substitutionOf({ prefix: '/a/' }, { path: plain('/a') }), undefined);
});

const paths = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/v1',
  '/a/v1/',
  '/a/v1/x',
  '/av1',
  '/a/v1beta',
  '/ab',
  '/v1',
  '/a/a.B/C',
  '/a/aXB/C',
];
const called = ['/a.B/C', '/v1', '/v1/*', '/*', '/x', '/x/*', '/x/v1/*', '/'];
test('paths before a rewrite are exactly those that become what is called', (t) => {
  for (const match of [elements('/a'), plain('/a'), plain('/a/'), elements('/')]) {
    for (const by of ['/', '/x', '/x/', '/v1', '/v1/b']) {
      const change = prefixSubstitution(match, by);
      for (const to of called) {
        const before = pathsBefore(to, change);
        const base = to.slice(0, -2);
        for (const path of paths.filter((one) => matches(match, one))) {
          const after = substituted(path, change);
          const isCalled = to.endsWith('/*') ? after === base || after.startsWith(`${base}/`) : after === to;
          const found = before !== undefined && new RegExp(`^(?:${before})$`).test(path);
          t.is(found, isCalled, `${path} by ${JSON.stringify(match)} -> ${by}: ${after}, called as ${to}`);
        }
      }
    }
  }
});

function matches(match: ReturnType<typeof elements | typeof plain>, path: string): boolean {
  if ('prefix' in match) return path.startsWith(match.prefix);
  const prefix = match.pathSeparatedPrefix.replace(/\/$/, '');
  return path === prefix || path.startsWith(`${prefix}/`);
}
