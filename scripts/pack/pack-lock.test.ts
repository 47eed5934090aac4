import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { withPackLock } from './pack-lock.ts';

test('processes pack one after the other, and one that was killed holds nobody up', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'pack-lock-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  const dead = spawn(process.execPath, ['-e', '']);
  await once(dead, 'exit');
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'dist/pack.lock'), String(dead.pid));

  const script = `
    import { appendFileSync } from 'node:fs';
    import { withPackLock } from ${JSON.stringify(join(import.meta.dirname, 'pack-lock.ts'))};
    const log = (line) => appendFileSync(${JSON.stringify(join(root, 'log'))}, line);
    await withPackLock(${JSON.stringify(root)}, async () => {
      log('[');
      await new Promise((resolve) => setTimeout(resolve, 50));
      log(']');
    });`;
  const others = [1, 2, 3].map(() => spawn(process.execPath, ['--input-type=module', '-e', script]));
  const ends = await Promise.all(others.map((other) => once(other, 'exit')));
  t.deepEqual(
    ends.map(([code]) => code),
    [0, 0, 0],
  );
  t.is(readFileSync(join(root, 'log'), 'utf8'), '[][][]');
  t.is(await withPackLock(root, async () => 'free again'), 'free again');
});

test('work that fails lets go', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'pack-lock-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  await t.throwsAsync(
    withPackLock(root, () => Promise.reject(new Error('no space'))),
    { message: 'no space' },
  );
  t.is(await withPackLock(root, async () => 'next'), 'next');
});
