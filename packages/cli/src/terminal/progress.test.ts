import test from 'ava';
import { Progress, waitingLine } from './progress.ts';

const plain = (_style: string, text: string): string => text;

test('tells each step that is done, with what there is now', async (t) => {
  const lines: string[] = [];
  const progress = new Progress((line) => lines.push(line), plain);
  t.is(
    await progress.step(
      'PostgreSQL',
      async () => 5432,
      (port) => `127.0.0.1:${port}`,
    ),
    5432,
  );
  t.regex(lines.join(), /^ {2}✓ PostgreSQL: 127\.0\.0\.1:5432 \(\d+ ms\)$/);
});

test('a step that fails is not told as done, and is not waited for', async (t) => {
  const lines: string[] = [];
  const progress = new Progress((line) => lines.push(line), plain);
  await t.throwsAsync(
    progress.step('Envoy', () => Promise.reject(new Error('no pip'))),
    { message: 'no pip' },
  );
  t.deepEqual(lines, []);
  progress.steps.push({ name: 'orders', startedAt: 0, detail: 'it starts' }, { name: 'edge', startedAt: 0 });
  t.is(waitingLine(progress.steps, plain), '  … waiting for orders (it starts), edge');
});
