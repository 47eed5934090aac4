import test from 'ava';
import { datedLines, timeOfLine } from './log-line.ts';

test('the time of a line is found as the kit, Envoy and PostgreSQL write it', (t) => {
  const time = Date.UTC(2026, 0, 31, 12, 0, 0, 250);
  for (const text of [
    '{"level":"info","time":"2026-01-31T12:00:00.250Z","msg":"listens"}',
    `{"level":30,"time":${time},"msg":"listens"}`,
    '2026-01-31 12:00:00.250 UTC [7] LOG:  ready',
    '2026-01-31T13:00:00.250+01:00 ready',
    '[2026-01-31 12:00:00.250Z] ready',
    '2026-01-31 12:00:00.250999 GMT ready',
  ]) {
    t.is(timeOfLine(text), time, text);
  }
  t.is(timeOfLine('[2026-01-31 12:00:00.250][7][warning] late'), new Date(2026, 0, 31, 12, 0, 0, 250).getTime());
  for (const text of [
    '',
    'ready',
    '{torn',
    '{"time":"soon"}',
    '{"time":null}',
    'at 2026-01-31 12:00:00',
    '2026-99-99 12:00:00',
  ])
    t.is(timeOfLine(text), undefined, text);
});

test('a line without a time belongs to the one before it', (t) => {
  const [first, second] = ['{"time":1000}', '{"time":2000}'];
  const times = (texts: readonly string[]) => datedLines('a', texts, 5).map(({ timeMs }) => timeMs);
  t.deepEqual(times(['starts', first, 'at x', second, 'at y']), [1000, 1000, 1000, 2000, 2000]);
  t.deepEqual(times(['prints', 'only']), [5, 5]);
  t.deepEqual(times([]), []);
});
