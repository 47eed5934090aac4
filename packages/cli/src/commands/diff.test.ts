import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';

const weft = join(import.meta.dirname, '../../bin/weft.js');

test('a change of a message type is not called a change of nothing', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'weft-diff-'));
  t.teardown(() => rmSync(root, { recursive: true }));
  writeFileSync(join(root, 'weft.project.yaml'), 'name: inn\n');
  for (const [folder, type] of [
    ['old', 'string'],
    ['proto', 'int32'],
  ] as const) {
    mkdirSync(join(root, folder, 'inn/rooms/v1'), { recursive: true });
    writeFileSync(
      join(root, folder, 'inn/rooms/v1/rooms.proto'),
      `syntax = "proto3";\npackage inn.rooms.v1;\nmessage Room { ${type} id = 1; }\nservice RoomService { rpc GetRoom(Room) returns (Room); }\n`,
    );
  }
  const { stdout } = await promisify(execFile)(process.execPath, [weft, 'diff', 'old', 'proto'], { cwd: root });
  t.is(
    stdout,
    'Policy: nothing changes for any caller. Messages are not compared; `buf breaking` says whether their changes break a caller.\n',
  );
});
