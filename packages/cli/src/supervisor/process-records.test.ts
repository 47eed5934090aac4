import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { livingProcesses, ProcessRecords, processIdentity } from './process-records.ts';

test('finds a recorded process until it has ended', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-records-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'processes.json');
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  new ProcessRecords(path).add('a', pid);
  t.deepEqual(
    livingProcesses(path).map((record) => record.pid),
    [pid],
  );
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.deepEqual(livingProcesses(path), []);
});

test('another process under the same number is not taken for it', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-records-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'processes.json');
  new ProcessRecords(path).add('me', process.pid);
  t.is(livingProcesses(path).length, 1);
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"identity": ".*"/, '"identity": "an earlier one"'));
  t.deepEqual(livingProcesses(path), []);
});

test('a missing or torn record is no record', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-records-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const path = join(dir, 'processes.json');
  t.deepEqual(livingProcesses(path), []);
  writeFileSync(path, '[{"name": ');
  t.deepEqual(livingProcesses(path), []);
  t.is(processIdentity(2 ** 30), undefined);
});
