import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Logs, readableLine } from './logs.ts';

test('a JSON line of the kit reads as a sentence with its fields', (t) => {
  t.is(
    readableLine('{"level":"warn","time":1,"service":"bakery.orders","msg":"took over","order":"7","tries":2}'),
    'warn took over order=7 tries=2',
  );
  t.is(readableLine('{"level":50,"msg":"no\\nway"}'), 'error no ⏎ way');
  t.is(readableLine('{"level":"info","msg":"listens"}'), 'listens');
  t.is(readableLine('{"msg":"not ready","err":{"message":"gone","stack":"at x"}}'), 'not ready err="gone"');
  const stack = [
    'Error: oops',
    '    at check (/bakery/node_modules/@weft/service-kit/dist/decode.js:3:9)',
    '    at node:internal/process:1:2',
    '    at async bake (file:///bakery/services/oven/src/oven.ts:7:11)',
    '    at /bakery/services/oven/src/main.ts:1:1',
  ].join('\n');
  t.is(
    readableLine(JSON.stringify({ msg: 'the call failed', err: { message: 'oops', stack } })),
    'the call failed err="oops" at /bakery/services/oven/src/oven.ts:7:11',
  );
  t.is(readableLine('{torn'), '{torn');
  t.is(readableLine('plain words'), 'plain words');
});

test('lines are shown with the name of their process and kept as they were written, for the owner only', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-logs-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const shown: string[] = [];
  const log = new Logs(
    dir,
    (line) => shown.push(line),
    (_style, text) => text,
  ).open('orders-0');
  log.line('{"msg":"listens"}');
  log.line('{"path":"/x"}', { quiet: true });
  log.close();
  log.line('too late');
  t.deepEqual(shown, ['orders-0       listens']);
  t.is(log.lastLine, 'listens');
  t.is(readFileSync(log.path, 'utf8'), '{"msg":"listens"}\n{"path":"/x"}\n');
  t.is(statSync(log.path).mode & 0o777, 0o600);
});

test('of a crash the line with the error is the one to tell', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'weft-logs-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const log = new Logs(
    dir,
    () => {},
    (_style, text) => text,
  ).open('a');
  for (const line of [
    'throw err;',
    '^',
    'Error: Cannot find module "x"',
    '    at load (node:1)',
    '}',
    '',
    'Node.js v24',
  ]) {
    log.line(line);
  }
  t.is(log.lastLine, 'Error: Cannot find module "x"');
  log.close();
});
