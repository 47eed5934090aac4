import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { meshLockHolder, takeMeshLock } from './mesh-lock.ts';

const execute = promisify(execFile);

function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'weft-lock-'));
  t.teardown(() => rmSync(path, { recursive: true }));
  return path;
}

test('one process holds the lock, until it releases it', (t) => {
  const path = directory(t);
  t.is(meshLockHolder(path), undefined);
  const lock = takeMeshLock(path);
  if ('holder' in lock) return t.fail('nobody held it');
  t.is(meshLockHolder(path)?.pid, process.pid);
  t.like(takeMeshLock(path), { holder: { pid: process.pid } });
  lock.release();
  t.is(meshLockHolder(path), undefined);
  t.false('holder' in takeMeshLock(path));
  t.is(readdirSync(path).length, 1);
});

test('the lock of a dead process, and a torn one, are no locks', (t) => {
  const path = directory(t);
  for (const content of [JSON.stringify({ name: 'weft', pid: process.pid, identity: 'an earlier one' }), '{"na']) {
    writeFileSync(join(path, '7'), content);
    t.is(meshLockHolder(path), undefined);
    t.false('holder' in takeMeshLock(path));
    t.deepEqual(readdirSync(path), ['8']);
    rmSync(join(path, '8'));
  }
});

test('of many processes that ask at once, after a dead one, exactly one gets it', async (t) => {
  const path = directory(t);
  writeFileSync(join(path, '1'), JSON.stringify({ name: 'weft', pid: process.pid, identity: 'an earlier one' }));
  // Each holds on to what it got until all have asked.
  const program = `
    import { readdirSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    const { takeMeshLock } = await import(process.argv[1]);
    const asked = takeMeshLock(process.argv[2]);
    writeFileSync(process.argv[2] + '/asked.' + process.pid, '');
    while (readdirSync(process.argv[2]).filter((name) => name.startsWith('asked.')).length < 4) await sleep(20);
    console.log('holder' in asked ? 'refused' : 'got it');
  `;
  const args = ['--input-type=module', '-e', program, join(import.meta.dirname, 'mesh-lock.ts'), path];
  const said = await Promise.all(Array.from({ length: 4 }, () => execute(process.execPath, args)));
  t.is(said.filter(({ stdout }) => stdout === 'got it\n').length, 1);
});
