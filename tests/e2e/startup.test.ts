import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { leastCpuMs, quickCommands } from '../start-cost.ts';

const weft = join(import.meta.dirname, '../../packages/cli/bin/weft.js');

test('every command of weft says its first word at once', async (t) => {
  const empty = await mkdtemp(join(tmpdir(), 'startup-'));
  t.teardown(() => rm(empty, { recursive: true, force: true }));
  for (const { args, maxCpuMs } of quickCommands) {
    const leastMs = await leastCpuMs([weft, ...args], empty, maxCpuMs);
    const said = `weft ${args.join(' ')}: ${leastMs.toFixed(0)} ms of CPU`;
    t.log(said);
    t.true(leastMs <= maxCpuMs, `${said}, more than ${maxCpuMs}`);
  }
});
