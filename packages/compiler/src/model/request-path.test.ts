import test from 'ava';
import { governs, notCanonical, unambiguousPaths } from './request-path.ts';

test('a path of a policy is in canonical form, or the form is named', (t) => {
  for (const path of [
    '/',
    '/*',
    '/v1/users',
    '/v1/*',
    '/v1/users:purge',
    '/v1/a.b~c_d-e',
    '/v1/J%C3%BCrgen%20Z',
    '/bakery.orders.v1.OrderService/GetOrder',
  ])
    t.is(notCanonical(path), undefined, path);
  const canonical = {
    '/v1//admin': '/v1/admin',
    '/v1/./admin': '/v1/admin',
    '/v1/x/../admin': '/v1/admin',
    '/v1/../../admin/*': '/admin/*',
    '/v1/%61dmin/*': '/v1/admin/*',
    '/v1/users%3Apurge': '/v1/users:purge',
    '/v1/users/': '/v1/users',
    '/v1/a%c3%bc': '/v1/a%C3%BC',
    '/v1/a|b': '/v1/a%7Cb',
    '/v1//*': '/v1/*',
  };
  for (const [path, expected] of Object.entries(canonical)) t.is(notCanonical(path)?.canonical, expected, path);
  for (const path of [
    '/v1/a%2Fb',
    '/v1/a\\b',
    '/v1/a;b',
    '/v1/a%2561',
    '/v1/a%00',
    '/v1/%zz',
    '/v1/a?b',
    '/v1/%C0%AF',
    '/v1/a.',
  ])
    t.like(notCanonical(path), { canonical: undefined }, path);
});

test('a path of a policy is about its other spellings, and an open one about what is below', (t) => {
  const about = [
    ['/v1/admin', '/v1/admin'],
    ['/v1/admin', '/v1/ADMIN/'],
    ['/v1/*', '/v1'],
    ['/v1/*', '/V1/x/y'],
    ['/*', '/'],
    ['/*', '/x'],
  ] as const;
  for (const [own, path] of about) t.true(governs(own, path), `${own} ${path}`);
  const other = [
    ['/v1/admin', '/v1/admin/x'],
    ['/v1/admin', '/v1/administrator'],
    ['/v1/*', '/v10'],
    ['/v1/*', '/'],
  ] as const;
  for (const [own, path] of other) t.false(governs(own, path), `${own} ${path}`);
});

test('the expression of unambiguous paths takes what has one meaning', (t) => {
  // JavaScript writes RE2's flags at the end.
  const matches = (policy: readonly string[], path: string) =>
    new RegExp(`^(?:${unambiguousPaths(policy).replace('(?is)', '')})$`, 'is').test(path);
  const policy = ['/v1/*', '/v1/users:purge'];
  for (const path of [
    '/',
    '/v1',
    '/v1/',
    '/v1/a.b',
    '/v1/.hidden',
    '/v1/a%40b',
    '/v1/J%C3%BCrgen',
    '/v1/a?b=../%2f;\\',
  ])
    t.true(matches(policy, path), path);
  for (const path of [
    '',
    '*',
    'v1',
    '/v1/a%2fb',
    '/v1/a;b',
    '/v1/a%3Ab',
    '/v1/a%25',
    '/v1/a%',
    '/v1/a.',
    '/v1/a%20/b',
    '/v1/%C0%AF',
    '/v1/%ED%A0%80',
    '/v1/a%7f',
  ])
    t.false(matches(policy, path), path);
  t.true(matches(['/v1/*'], '/v1/a%3Ab'));
});
