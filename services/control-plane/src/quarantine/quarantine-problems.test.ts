import type { ContributionSource } from '@weft/compiler/envoy/contribution';
import { weftRef } from '@weft/compiler/model/resource-ref';
import test from 'ava';
import type { Aside } from './aside.ts';
import { asideProblems } from './quarantine-problems.ts';

const source = (name: string, version: string): ContributionSource => ({
  resource: name,
  about: [weftRef('MeshPolicy', name, 'aaa')],
  version,
});
const edge = '{"gateway":"edge"}';
const own = '{"namespace":"aaa","names":["aaa.front"]}';
const foreign = '{"namespace":"bbb","names":["bbb.front"]}';

function aside(scope: string, now: readonly ContributionSource[], before?: readonly ContributionSource[]): Aside {
  const said = { host: new Uint8Array() };
  return {
    scope,
    key: 'aaa/leaf',
    version: '2',
    sources: now,
    reason: 'missing )',
    ...(before ? { instead: { key: 'aaa/leaf', version: '1', sources: before, said } } : {}),
  };
}

test('quarantine-problems: what changed since the last good form is named, and nothing else', (t) => {
  const contract = source('contract', '1');
  const found = asideProblems([aside(edge, [contract, source('policy', '2')], [contract, source('policy', '1')])]);
  t.deepEqual(
    found.map(({ resource, message }) => [resource, message]),
    [['policy', 'Envoy refuses the routes that it gives to gateway edge; the last good form serves there: missing )']],
  );
});

test('quarantine-problems: without a last good form every source is named', (t) => {
  const found = asideProblems([aside(own, [source('contract', '1'), source('policy', '1')])]);
  t.deepEqual(
    found.map(({ resource }) => resource),
    ['contract', 'policy'],
  );
  t.regex(found[0]?.message ?? '', /to aaa\.front; it is left out there/);
});

test('quarantine-problems: objects are told by gateways and by their own tenant alone', (t) => {
  const told = (...scopes: string[]) =>
    asideProblems(scopes.map((scope) => aside(scope, [source('contract', '1')]))).map(({ about = [] }) => about.length);
  t.deepEqual(told(edge), [1]);
  t.deepEqual(told(own), [1]);
  t.deepEqual(told(foreign), [0]);
  t.deepEqual(told(foreign, edge), [1]);
});

test('quarantine-problems: many scopes are one problem, with a few of their names', (t) => {
  const scopes = ['a', 'b', 'c', 'd', 'e'].map((name) => `{"namespace":"aaa","names":["aaa.${name}"]}`);
  const [problem, ...others] = asideProblems(scopes.map((scope) => aside(scope, [source('contract', '1')])));
  t.is(others.length, 0);
  t.regex(problem?.message ?? '', /to aaa\.a, aaa\.b, aaa\.c, 2 more;/);
});
