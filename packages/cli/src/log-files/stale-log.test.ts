import { closeSync, existsSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { removeStaleLog } from './stale-log.ts';

test('the log of an earlier process goes, and that of this process stays', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-logs-'));
  const log = join(directory, 'up.log');
  const own = openSync(log, 'w');
  const other = openSync(join(directory, 'other.log'), 'w');
  t.teardown(() => {
    for (const descriptor of [own, other]) closeSync(descriptor);
    rmSync(directory, { recursive: true });
  });
  removeStaleLog(log, own);
  t.true(existsSync(log));
  removeStaleLog(log, other);
  t.false(existsSync(log));
  t.notThrows(() => removeStaleLog(log, other));
});
