import test from 'ava';
import { samplePattern } from './sample-pattern.ts';

for (const [pattern, sample] of [
  ['^[A-Z]{3}$', 'AAA'],
  ['^[A-Z]{2,}-\\d{4}$', 'AA-1111'],
  ['^(?:cash|card)+$', 'cash'],
  ['^(?P<a>x|y)\\.z?$', undefined],
  ['^[0-9a-f]{8}(-[0-9a-f]{4})?$', '00000000-0000'],
  ['^\\+?[\\w.]+@b\\.de$', '+a@b.de'],
  ['', ''],
  ['^[^a]$', undefined],
  ['^\\p{L}$', undefined],
  ['(', undefined],
  ['a(?=b)', undefined],
] as const) {
  test(`/${pattern}/`, (t) => t.is(samplePattern(pattern), sample));
}
