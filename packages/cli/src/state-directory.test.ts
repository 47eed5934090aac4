import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CommandError } from './command-error.ts';
import { down } from './commands/down.ts';
import { createStatePath, isDiskFull, stateDirectory } from './state-directory.ts';

const directory = mkdtempSync(join(tmpdir(), 'weft-state-'));
writeFileSync(join(directory, 'file'), '');
test.after.always(() => rmSync(directory, { recursive: true }));

const impossible = [join(directory, 'file'), join(directory, 'file/in/it')];
// Only Linux has it; a directory that nobody can create there is not missing a parent.
if (existsSync('/proc/self')) impossible.push('/proc/weft', '/proc/weft/deeper');

for (const path of impossible) {
  const shown = path.replace(directory, '...');
  test(`a state folder that cannot be made is named, with what to do: ${shown}`, (t) => {
    const error = t.throws(() => createStatePath(stateDirectory(path)), { instanceOf: CommandError });
    t.regex(
      error?.message ?? '',
      /^The state folder \S+ cannot be made \(.+\); choose another with --state or WEFT_STATE\.$/,
    );
    t.true(error?.message.includes(`folder ${path} cannot`));
  });

  test(`no mesh runs where its state folder cannot be: ${shown}`, async (t) => {
    t.is(await down(stateDirectory(path)), 'No mesh is running here.');
  });
}

test('a state folder is made with those above it, once', (t) => {
  const state = stateDirectory(join(directory, 'a/b/c'));
  createStatePath(state);
  createStatePath(state);
  t.true(existsSync(state.lock));
});

test('a disk is full when next to nothing fits, and no longer when there is space', (t) => {
  const path = join(directory, 'small');
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path]).status !== 0) {
    t.log('not tried: this user may mount no disk');
    t.pass();
    return;
  }
  try {
    const state = stateDirectory(path);
    t.false(isDiskFull(state));
    writeFileSync(join(path, 'filler'), Buffer.alloc(1.5 * 2 ** 20));
    t.true(isDiskFull(state));
    rmSync(join(path, 'filler'));
    t.false(isDiskFull(state));
  } finally {
    spawnSync('umount', ['-l', path]);
  }
  t.false(isDiskFull(stateDirectory(join(directory, 'gone'))));
});
