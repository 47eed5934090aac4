import test from 'ava';
import type { PathMatch, Rule, RuleFilter } from './route.ts';
import { ruleComplaint } from './rule-complaint.ts';

const to = { service: 'bakery/a', port: 80, weight: 1 } as const;
const rule = (filters: readonly RuleFilter[], path: PathMatch = { prefix: '/' }): Rule => ({
  matches: [{ path }],
  filters,
  backends: [to],
});
const rewrite = (more: object): RuleFilter => ({ is: 'urlRewrite', ...more });
const redirect = (more: object): RuleFilter => ({ is: 'requestRedirect', ...more });
const full = (fullPath: string) => rule([rewrite({ path: { fullPath } })]);
const prefix = (text: string, path?: PathMatch) => rule([rewrite({ path: { prefix: text } })], path);

const good: readonly Rule[] = [
  rule([]),
  full('/'),
  full("/a/b-._~!$&'()*+,;=:@/%2Fc/"),
  full(`/${'a'.repeat(1023)}`),
  prefix(''),
  prefix('/'),
  prefix('/x/', { pathSeparatedPrefix: '/v1/' }),
  { ...prefix('/x'), matches: [] },
  { ...prefix('/x'), matches: [{ verb: 'GET' }] },
  rule([rewrite({ hostname: 'a_b.example.com.' })]),
  rule([redirect({})]),
  rule([
    redirect({ scheme: 'https', hostname: 'example.com', port: 65_535, statusCode: 308, path: { fullPath: '/' } }),
  ]),
  {
    ...rule([]),
    backends: [
      { ...to, weight: 0 },
      { ...to, weight: 1_000_000 },
    ],
  },
];
for (const one of good) {
  test(`sound: ${JSON.stringify({ ...one, backends: one.backends.length }).slice(0, 150)}`, (t) => {
    t.is(ruleComplaint(one), undefined);
  });
}

const bad: readonly (readonly [field: string, Rule])[] = [
  ...[
    '',
    'a',
    '/a?b',
    '/a#b',
    '/a b',
    '/a\nb',
    '/\u0000',
    '/%',
    '/%zz',
    '/%00',
    '/\\1',
    '/é',
    '//a',
    '/a//b',
    '/a//',
    '/.',
    '/a/../b',
    '/%2e%2E/b',
    `/${'a'.repeat(1024)}`,
  ].map((text) => ['urlRewrite.path.fullPath', full(text)] as const),
  ['urlRewrite.path.prefix', prefix('a')],
  ['urlRewrite.path.prefix', prefix('/', { exact: '/a' })],
  ['urlRewrite.path.prefix', prefix('/', { regex: '/a' })],
  ['urlRewrite.path.prefix', { ...prefix('/x'), matches: [{ path: { prefix: '/' } }, { grpc: { service: 'a.B' } }] }],
  ['requestRedirect.path.prefix', rule([redirect({ path: { prefix: '/' } })], { exact: '/a' })],
  ...['', 'a b', 'a:80', 'a\r\nb', '[::1]', '-a', 'a..b', '*.a', `${'a.'.repeat(127)}`].map(
    (hostname) => ['urlRewrite.hostname', rule([rewrite({ hostname })])] as const,
  ),
  ['requestRedirect.scheme', rule([redirect({ scheme: 'ftp' })])],
  ['requestRedirect.port', rule([redirect({ port: 0 })])],
  ['requestRedirect.port', rule([redirect({ port: 65_536 })])],
  ['requestRedirect.statusCode', rule([redirect({ statusCode: 304 })])],
  ['urlRewrite', rule([rewrite({}), rewrite({})])],
  ['requestRedirect', rule([redirect({}), redirect({})])],
  ['requestRedirect', rule([rewrite({}), redirect({})])],
  ...[-1, 0.5, 1_000_001, Number.NaN].map(
    (weight) => ['backends[1].weight', { ...rule([]), backends: [to, { ...to, weight }] }] as const,
  ),
];
for (const [field, one] of bad) {
  test(`refused: ${field} of ${JSON.stringify(one).slice(0, 200)}`, (t) => {
    t.is(ruleComplaint(one)?.field, field);
  });
}
