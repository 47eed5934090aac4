import test from 'ava';
import { Backoff } from './backoff.ts';

test('doubles from 1 s to 30 s while runs are short', (t) => {
  const backoff = new Backoff();
  t.deepEqual(
    Array.from({ length: 7 }, () => backoff.next(10)),
    [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
  );
  t.is(backoff.failures, 7);
});

test('begins again after a run of a minute', (t) => {
  const backoff = new Backoff();
  backoff.next(10);
  backoff.next(10);
  t.is(backoff.next(60_000), 1_000);
  t.is(backoff.next(10), 2_000);
});
