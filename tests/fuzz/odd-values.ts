import type { Random } from './random.ts';

/** Text that parsers disagree about. */
const texts: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '//',
  '*',
  '**',
  '%',
  '%00',
  '%2F',
  '%c0%ae',
  '\\',
  '\u0000',
  '\n',
  '\ud800',
  '\u202e',
  '😀',
  'a'.repeat(300),
  'x'.repeat(70_000),
  '{',
  '{}',
  '{name}',
  '{name=**}',
  '{name=a/*/**/b}',
  "'; drop table orders; --",
  '__proto__',
  'constructor',
  'edge',
  'shop.orders',
  'null',
  '-1',
  '1e999',
  'NaN',
];

const numbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  0.5,
  99,
  100,
  101,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e308,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.MIN_VALUE,
];

export function oddText(random: Random): string {
  return random.chance(0.8) ? random.pick(texts) : random.bytes(random.int(1, 40)).toString('latin1');
}

export function oddNumber(random: Random): number {
  return random.pick(numbers);
}

/** Text that YAML takes for a duration, more or less. */
export function oddDuration(random: Random): string {
  return `${oddNumber(random)}${random.pick(['s', 'ms', 'h', '', 'd', ' s', 'years'])}`;
}

/** Any value that JSON and YAML have, some of them nested deep. */
export function oddValue(random: Random, depth = 3): unknown {
  switch (random.int(0, depth > 0 ? 7 : 4)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return oddNumber(random);
    case 3:
    case 4:
      return oddText(random);
    case 5:
      return Array.from({ length: random.int(0, 5) }, () => oddValue(random, depth - 1));
    case 6: {
      let nested: unknown = oddText(random);
      for (let levels = random.pick([2, 50, 2_000]); levels > 0; levels--)
        nested = random.chance(0.5) ? [nested] : { a: nested };
      return nested;
    }
    default:
      return Object.fromEntries(
        Array.from({ length: random.int(0, 5) }, () => [oddText(random), oddValue(random, depth - 1)]),
      );
  }
}
