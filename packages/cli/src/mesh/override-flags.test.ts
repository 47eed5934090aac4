import test from 'ava';
import type { OverrideManifest } from './override-file.ts';
import { flagProblems } from './override-flags.ts';

const manifest = (spec: Partial<OverrideManifest['spec']>): OverrideManifest => ({
  namespace: 'bakery',
  name: 'orders-1',
  createdMs: 0,
  spec: { service: 'orders', reason: 'a test', by: 'ada@example.com', ...spec },
});

test('flags within the bounds pass', async (t) => {
  const limit = { caller: '*', requests: 0xffff_ffff, per: '50ms' };
  t.deepEqual(await flagProblems(manifest({ deadline: '365d', rateLimits: [limit], deny: ['bakery.orders'] })), []);
});

const refused: readonly (readonly [spec: Partial<OverrideManifest['spec']>, words: RegExp])[] = [
  [{ deadline: '0s' }, /^--deadline is "0s"; expected: a duration from 1ms to 365d$/],
  [{ deadline: '366d' }, /^--deadline is "366d"; expected: a duration from 1ms to 365d$/],
  [{ deadline: 'soon' }, /^--deadline is "soon"; expected: a duration/],
  [{ rateLimits: [{ caller: '*', requests: 0, per: '1s' }] }, /^--limit is 0; expected: a whole number from 1 to/],
  [{ rateLimits: [{ caller: '*', requests: 2 ** 32, per: '1s' }] }, /^--limit is 4294967296; expected/],
  [{ rateLimits: [{ caller: '*', requests: 1, per: '1ms' }] }, /^--limit is "1ms"; expected: a duration from 50ms/],
  [{ deny: ['Bakery.Orders'] }, /^--deny is "Bakery.Orders"; expected: a proto package/],
  [{ allow: [`bakery.${'a'.repeat(300)}`] }, /^--allow is .*; expected: at most 253 characters$/],
  [{ reason: 'a'.repeat(2001) }, /^--why is .*; expected: at most 2000 characters$/],
];

for (const [index, [spec, words]] of refused.entries()) {
  test(`a flag beyond its bound is refused by its name (${index}: ${Object.keys(spec)})`, async (t) => {
    const [first = ''] = await flagProblems(manifest(spec));
    t.regex(first, words);
  });
}
