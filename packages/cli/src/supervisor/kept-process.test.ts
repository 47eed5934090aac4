import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { KeptProcess } from './kept-process.ts';
import { Logs } from './logs.ts';
import { isAlive, livingProcesses, ProcessRecords, processIdentity } from './process-records.ts';
import { startProgram } from './running.ts';

function keep(t: ExecutionContext, script: string, program = process.execPath) {
  const dir = mkdtempSync(join(tmpdir(), 'weft-kept-'));
  const log = new Logs(
    dir,
    () => {},
    (_style, text) => text,
  ).open('a');
  const events = new EventEmitter();
  const sentences: string[] = [];
  const recordsPath = join(dir, 'processes.json');
  const kept = new KeptProcess({
    name: 'a',
    records: new ProcessRecords(recordsPath),
    start: () => startProgram({ command: [program, '-e', script], cwd: dir, env: process.env, log }),
    lastLine: () => log.lastLine,
    report: (sentence) => sentences.push(sentence),
    onUp: (running) => events.emit('up', running.pid),
    onDown: (reason) => events.emit('down', reason),
    patient: program !== process.execPath,
  });
  t.teardown(async () => {
    await kept.stop(100);
    rmSync(dir, { recursive: true });
  });
  return { kept, events, sentences, log, recordsPath };
}

test('a crash is told with its exit code and its last line, and the process starts again', async (t) => {
  const { kept, events, sentences, log } = keep(
    t,
    'console.log("cannot find the moon"); setTimeout(() => process.exit(3), 20)',
  );
  const down = once(events, 'down');
  await kept.start();
  t.is(kept.afterCrash('it does not listen yet'), 'it does not listen yet');
  const first = kept.pid;
  await down;
  t.is(sentences[0], 'a ended with exit code 3; starts again in 1.0 s; it last said: cannot find the moon');
  t.is(kept.reason, 'ended with exit code 3; starts again in 1.0 s; it last said: cannot find the moon');
  await once(events, 'up');
  t.not(kept.pid, first);
  t.is(kept.restarts, 1);
  t.is(
    kept.afterCrash('it does not listen yet'),
    'ended with exit code 3; started again: it does not listen yet; it last said: cannot find the moon',
  );
  t.regex(readFileSync(log.path, 'utf8'), /cannot find the moon/);
});

test('a process that does not heed SIGTERM is killed with what it started', async (t) => {
  const child = `require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("child " + process.pid)'], { stdio: 'inherit' })`;
  const { kept, log, recordsPath } = keep(t, `process.on('SIGTERM', () => {}); ${child}; setInterval(() => {}, 1000)`);
  await kept.start();
  while (!log.lastLine.startsWith('child ')) await new Promise((resolve) => setImmediate(resolve));
  const pid = Number(log.lastLine.slice('child '.length));
  const record = { name: 'child', pid, identity: processIdentity(pid) ?? '' };
  t.is(livingProcesses(recordsPath).length, 1);
  await kept.stop(50);
  while (isAlive(record)) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(livingProcesses(recordsPath), []);
});

test('a program that cannot be started is hopeless at once, and is tried again', async (t) => {
  const { kept, events, sentences } = keep(t, '', '/no/such/program');
  const down = once(events, 'down');
  await kept.start();
  await down;
  t.true(kept.hopeless);
  t.regex(sentences[0] ?? '', /^a did not start: .*ENOENT; starts again in 1.0 s$/);
  await once(events, 'down');
  t.is(kept.restarts, 1);
});

test('one crash is not hopeless, and a hold during the wait for the next start holds', async (t) => {
  const { kept, events } = keep(t, 'process.exit(3)');
  await kept.start();
  await once(events, 'down');
  t.false(kept.hopeless);
  const held = once(events, 'down');
  await kept.hold(100, 'is somebody else’s');
  t.is((await held)[0], 'is somebody else’s');
  t.is(kept.reason, 'is somebody else’s');
  const up = once(events, 'up');
  kept.release();
  await up;
});

test('a process that is held before its start does not run until it is released', async (t) => {
  const { kept, events } = keep(t, 'setInterval(() => {}, 1000)');
  await kept.hold(100, 'waits');
  const down = once(events, 'down');
  await kept.start();
  await down;
  t.is(kept.pid, undefined);
  t.false(kept.hopeless);
  const up = once(events, 'up');
  kept.release();
  t.is((await up)[0], kept.pid);
});
