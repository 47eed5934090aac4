import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { stateDirectory } from '../state-directory.ts';

test('up is refused on a full disk, and leaves nothing in the directory for temporary files', (t) => {
  const project = mkdtempSync(join(tmpdir(), 'weft-full-'));
  t.teardown(() => rmSync(project, { recursive: true }));
  for (const folder of ['proto', 'services/idle', 'state']) mkdirSync(join(project, folder), { recursive: true });
  writeFileSync(join(project, 'weft.project.yaml'), 'name: bakery\n');
  writeFileSync(join(project, 'services/idle/weft.yaml'), 'command: [sleep, 1000]\nhealth: none\n');
  const path = join(project, 'state');
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path]).status !== 0) {
    t.log('not tried: this user may mount no disk');
    t.pass();
    return;
  }
  try {
    const bin = join(import.meta.dirname, '../../bin/weft.js');
    const options = { cwd: project, encoding: 'utf8', timeout: 60_000 } as const;
    const { stderr, status } = spawnSync(process.execPath, [bin, 'up', '-d', '--state', path], options);
    t.is(status, 1);
    t.regex(stderr, /^weft: No space is left on the disk of .*state; free some space, .* Only [01] MB are free\.\n$/);
    t.false(existsSync(stateDirectory(path).run));
  } finally {
    spawnSync('umount', ['-l', path]);
  }
});
