import test from 'ava';
import { formatTimeout, maxTimerMs, parseTimeout, timerMs } from './timeout.ts';

test('a timeout is written in the finest unit that has room for it, rounded up', (t) => {
  const written: readonly (readonly [number, string])[] = [
    [0.4, '1m'],
    [1, '1m'],
    [1.5, '2m'],
    [99_999_999, '99999999m'],
    [99_999_999.5, '100000S'],
    [28 * 3_600_000, '100800S'],
    [maxTimerMs, '2147484S'],
    [99_999_999_001, '1666667M'],
    [99_999_999 * 60_000 + 1, '1666667H'],
    [Number.MAX_VALUE, '99999999H'],
  ];
  for (const [timeoutMs, header] of written) {
    t.is(formatTimeout(timeoutMs), header);
    const read = parseTimeout(header).timeoutMs ?? 0;
    t.true(read >= timeoutMs || header === '99999999H', header);
  }
});

test('a timer gets whole milliseconds that it can hold', (t) => {
  t.deepEqual([-5, 0, 0.2, 1.2, maxTimerMs + 1, Number.POSITIVE_INFINITY].map(timerMs), [
    1,
    1,
    1,
    2,
    maxTimerMs,
    maxTimerMs,
  ]);
});
