import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { openProblemLog } from './problem-store.ts';

const problems = ['a', 'b', 'c'].map((name) => ({ resource: `${name}.yaml`, message: 'is wrong' }));

test('dates are written when another problem is there, and not otherwise', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-problems-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const path = join(directory, 'problems.json');
  const log = await openProblemLog(path);
  t.is(log.update(problems).length, 3);
  t.is(log.update(problems).length, 0);
  await log.close();
  const { ino } = await stat(path);
  log.update(problems.map((problem) => ({ ...problem, advice: 'another' })));
  await log.close();
  t.is((await stat(path)).ino, ino, 'each write makes another file');
  for (let count = 0; count <= 3; count++) log.update(problems.slice(0, count));
  log.update(problems.slice(1));
  await log.close();
  t.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8'))), ['b.yaml is wrong', 'c.yaml is wrong']);
  const restarted = await openProblemLog(path);
  t.is(restarted.update(problems).length, 1);
  await restarted.close();
});
