import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { type LogOptions, ShownLogs } from './show-logs.ts';

const directory = mkdtempSync(join(tmpdir(), 'weft-logs-'));
const path = (name: string) => join(directory, `${name}.log`);
const nowMs = Date.now();
const line = (agoMs: number, msg: string) => JSON.stringify({ time: new Date(nowMs - agoMs).toISOString(), msg });
const past = (names: readonly string[], options: LogOptions = {}) => new ShownLogs(directory, names, options).past();

test.before(() => {
  writeFileSync(
    path('orders-0'),
    `${line(7_200_000, 'old')}\n${line(90_000, 'first')}\n    at cart.ts:1\n${line(30_000, 'fourth')}\n`,
  );
  writeFileSync(path('orders-1'), `${line(60_000, 'third')}\n`);
  writeFileSync(path('orders-0.envoy'), `${line(80_000, 'second')}\n`);
  writeFileSync(path('edge'), 'starts\n');
});
test.after.always(() => rmSync(directory, { recursive: true }));

test('one log is shown as it was written', async (t) => {
  t.deepEqual(await past(['orders-0'], { lines: 2 }), ['    at cart.ts:1', line(30_000, 'fourth')]);
  t.deepEqual(await past(['orders-0.envoy', 'orders-0.envoy']), [line(80_000, 'second')]);
  t.deepEqual(await past(['orders-0'], { lines: 0 }), []);
});

test('several logs are merged by time, each line behind its process', async (t) => {
  t.deepEqual(await past(['orders', 'orders.envoy'], { since: nowMs - 3_600_000 }), [
    `orders-0       ${line(90_000, 'first')}`,
    'orders-0           at cart.ts:1',
    `orders-0.envoy ${line(80_000, 'second')}`,
    `orders-1       ${line(60_000, 'third')}`,
    `orders-0       ${line(30_000, 'fourth')}`,
  ]);
  t.deepEqual(await past(['orders'], { lines: 1 }), [`orders-0 ${line(30_000, 'fourth')}`]);
});

test('only lines that match, as JSON', async (t) => {
  const found = await past(['orders'], { grep: /o(ld|ur)/, json: true });
  t.deepEqual(
    found.map((text) => JSON.parse(text)),
    (
      [
        [7_200_000, 'old'],
        [30_000, 'fourth'],
      ] as const
    ).map(([agoMs, msg]) => {
      const time = new Date(nowMs - agoMs).toISOString();
      return { process: 'orders-0', time, fields: { time, msg } };
    }),
  );
  t.like(JSON.parse((await past(['edge'], { json: true }))[0] ?? ''), { process: 'edge', text: 'starts' });
});

test('what is looked for is found in a long log, and in the part before it was begun anew', async (t) => {
  const filler = `${'x'.repeat(99)}\n`.repeat(5_000);
  writeFileSync(`${path('long-0')}.1`, `${line(9_000, 'needle a')}\n${filler}`);
  writeFileSync(path('long-0'), `${line(8_000, 'needle b')}\n${filler}`);
  t.is((await past(['long'], { grep: /needle/ })).length, 2);
  t.is((await past(['long'])).length, 50);
});

test('what comes is shown line by line, also of a log that is begun anew and of a new replica', async (t) => {
  writeFileSync(path('cart-0'), `${line(1_000, 'one')}\n`);
  const logs = new ShownLogs(directory, ['cart'], {});
  t.deepEqual(await logs.past(), [line(1_000, 'one')]);
  const more = logs.more();
  const next = async () => (await more.next()).value;
  // A line is shown when it is whole.
  appendFileSync(path('cart-0'), '{"msg":"two"}\n{"msg":"thr');
  t.deepEqual(await next(), ['{"msg":"two"}']);
  appendFileSync(path('cart-0'), 'ee"}\n');
  t.deepEqual(await next(), ['{"msg":"three"}']);
  renameSync(path('cart-0'), `${path('cart-0')}.1`);
  writeFileSync(path('cart-0'), 'four\n');
  t.deepEqual(await next(), ['four']);
  writeFileSync(path('cart-1'), 'five\n');
  t.deepEqual(await next(), ['cart-1 five']);
});

test('a name that nobody has', (t) => {
  const message = (...names: readonly string[]) => t.throws(() => new ShownLogs(directory, names, {}))?.message ?? '';
  t.regex(message('order'), /^There is no log of order\. Did you mean orders\? Logs: .*orders-0/);
  t.regex(message('orders', 'order-0.envoy'), /Did you mean orders-0\.envoy\?/);
  t.regex(message('up'), /^`weft up` and `weft dev` show their log in their terminal; name a process: /);
});
