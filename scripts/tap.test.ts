import test from 'ava';
import { readTapLine, type TapCount } from './tap.ts';

test('counts what passed and failed, and neither skipped nor planned tests', (t) => {
  const count: TapCount = { passed: 0, failed: [], skipped: 0 };
  const lines = [
    'TAP version 13',
    '# a › works',
    'ok 1 - a › works',
    'not ok 2 - a › fails',
    '  ---',
    '    name: AssertionError',
    '  ...',
    'ok 3 - b › no grpcurl here # SKIP',
    'not ok 4 - c › later # TODO',
    '',
    '1..3',
    '# tests 3',
    '# fail 2',
  ];
  const shown = lines.map((line) => readTapLine(line, count)).filter((line) => line !== undefined);
  t.deepEqual(count, { passed: 1, failed: ['a › fails'], skipped: 2 });
  t.deepEqual(shown, [
    '  ✓ a › works',
    '  ✗ a › fails',
    '      ---',
    '        name: AssertionError',
    '      ...',
    '  - b › no grpcurl here (skip)',
    '  - c › later (todo)',
  ]);
});
