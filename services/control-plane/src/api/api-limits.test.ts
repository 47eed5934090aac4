import test from 'ava';
import { checkText, PastMeshes } from './api-limits.ts';

test('two questions about an earlier time are answered at once, and no more', async (t) => {
  const past = new PastMeshes();
  const first = Promise.withResolvers<string>();
  const both = [past.run(() => first.promise), past.run(() => first.promise)];
  await t.throwsAsync(
    past.run(async () => 'third'),
    { message: /at most 2 questions about an earlier time/ },
  );
  first.resolve('answered');
  t.deepEqual(await Promise.all(both), ['answered', 'answered']);
  t.is(await past.run(async () => 'next'), 'next');
});

test('a reason has a length', (t) => {
  t.notThrows(() => checkText('why', 'x'.repeat(1000)));
  t.throws(() => checkText('why', 'x'.repeat(1001)), { message: 'why of 1001 characters must have at most 1000' });
});
