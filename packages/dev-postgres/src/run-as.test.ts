import { spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test from 'ava';
import { findBinaries } from './binaries.ts';
import { commandAs, userInPlaceOfRoot } from './run-as.ts';

test('programs below a directory of mode 0700 run for the user in place of root', async (t) => {
  const user = await userInPlaceOfRoot();
  if (!user) return t.pass('not root: nobody is in its place');
  const closed = await mkdtemp(join(tmpdir(), 'closed-')); // mkdtemp makes it 0700, and root's.
  t.teardown(() => rm(closed, { recursive: true, force: true }));
  await cp(dirname(dirname(findBinaries().initdb)), join(closed, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
  });
  const command = await commandAs(user, join(closed, 'native/bin/initdb'), ['--show', '-D', join(closed, 'data')], []);
  const child = spawn(command.file, command.args, { ...command.options, stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  t.is(await new Promise((resolve) => child.once('close', resolve)), 0, complaint);
});
