import test from 'ava';
import { backoffMs } from './backoff.ts';

const backoff = { baseMs: 100, maxMs: 10_000 };

test('the wait doubles up to its bound', (t) => {
  const longest = [1, 2, 3, 7, 8, 1_000].map((failures) => backoffMs(backoff, failures, () => 1));
  t.deepEqual(longest, [100, 200, 400, 6_400, 10_000, 10_000]);
});

test('jitter takes away up to half', (t) => {
  t.is(
    backoffMs(backoff, 3, () => 0),
    200,
  );
  t.is(
    backoffMs(backoff, 3, () => 0.5),
    300,
  );
});
