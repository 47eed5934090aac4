import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { CommandError } from './command-error.ts';
import { down } from './commands/down.ts';
import { createStatePath, stateDirectory } from './state-directory.ts';

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
