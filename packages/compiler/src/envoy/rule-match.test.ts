import test from 'ava';
import type { PathMatch, RuleMatch } from '../model/route.ts';
import { matchedCalls } from './rule-match.ts';

/** What a match leaves of the calls to a path: "" for all of them, undefined for none. */
function left(path: string, match: RuleMatch): string | undefined {
  const found = matchedCalls(path, match);
  if (found === undefined) return undefined;
  const { pathSpecifier, headers } = found.match;
  const { value } = pathSpecifier;
  return found.all ? '' : [typeof value === 'string' ? value : '', ...headers.map(({ name }) => name)].join(' ');
}

const macro = test.macro((t, path: string, wanted: PathMatch, expected: string | undefined) => {
  t.is(left(path, { path: wanted }), expected);
});

const method = '/bakery.a.v1.Test/Get';
test('an exact path, matched exactly', macro, method, { exact: method }, '');
test('an exact path, by another one', macro, method, { exact: `${method}s` }, undefined);
test('an exact path, by a prefix', macro, method, { prefix: '/bakery.a.v1.Te' }, '');
test('an exact path, by elements', macro, method, { pathSeparatedPrefix: '/bakery.a.v1.Te' }, undefined);
test('an exact path, by its element', macro, method, { pathSeparatedPrefix: '/bakery.a.v1.Test/' }, '');
test('an exact path, by a pattern', macro, method, { regex: '/bakery.*' }, `${method} :path`);
test('all below a path, by a path below it', macro, '/v1/*', { exact: '/v1/users' }, '/v1/users');
test('all below a path, by a path elsewhere', macro, '/v1/*', { exact: '/v2/users' }, undefined);
test('all below a path, by a longer prefix', macro, '/v1/*', { prefix: '/v1/us' }, '/v1/us');
test('all below a path, by a shorter prefix', macro, '/v1/*', { prefix: '/v' }, '');
test('all below a path, by its own elements', macro, '/v1/*', { pathSeparatedPrefix: '/v1' }, '');
test('all below a path, by the root', macro, '/v1/*', { pathSeparatedPrefix: '/' }, '');
test('every path, by elements', macro, '/*', { pathSeparatedPrefix: '/v1' }, '/v1');

test('gRPC services and methods are parts of a path', (t) => {
  t.is(left(method, { grpc: { service: 'bakery.a.v1.Test' } }), '');
  t.is(left(method, { grpc: { method: 'Get' } }), '');
  t.is(left(method, { grpc: { service: 'bakery.a.v1.Tes' } }), undefined);
  t.is(left(method, { grpc: { method: 'Put' } }), undefined);
  t.is(left('/*', { grpc: {} }), '');
  t.is(left('/*', { grpc: { service: 'bakery.a.v1.Test' } }), '/bakery.a.v1.Test/');
  t.is(left('/*', { grpc: { service: 'bakery.a.v1.Test', method: 'Get' } }), method);
  t.is(left('/*', { grpc: { method: 'Get' } }), '/ :path');
});
