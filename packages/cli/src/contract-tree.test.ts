import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diff, diffText } from '@weft/compiler';
import test from 'ava';
import { CommandError } from './command-error.ts';
import { buildContractTree } from './contract-tree.ts';
import { projectAt } from './project.ts';

/** The first test moves the temporary directory into a repository. */
const outside = tmpdir();

const proto = (deadline: number) => `syntax = "proto3";
package inn.rooms.v1;
import "weft/policy/v1/policy.proto";
service RoomService {
  option (weft.policy.v1.service) = {callers: ["inn.desk"]};
  rpc GetRoom(GetRoomRequest) returns (GetRoomResponse) {
    option (weft.policy.v1.method) = {deadline: {seconds: ${deadline}}};
  }
}
message GetRoomRequest {}
message GetRoomResponse {}
`;

test('contracts of two commits and of a directory are compared without a trace', async (t) => {
  const repository = mkdtempSync(join(tmpdir(), 'weft-repository-'));
  t.teardown(() => rmSync(repository, { recursive: true, force: true }));
  const temporary = join(repository, 'tmp');
  mkdirSync(temporary);
  process.env.TMPDIR = temporary;
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], { cwd: repository });
  const write = (directory: string, deadline: number) => {
    mkdirSync(join(directory, 'inn/rooms/v1'), { recursive: true });
    writeFileSync(join(directory, 'inn/rooms/v1/rooms.proto'), proto(deadline));
  };
  const project = projectAt(repository);
  git('init', '--quiet', '--initial-branch=main');
  for (const deadline of [3, 2]) {
    write(join(repository, 'proto'), deadline);
    git('add', 'proto');
    git('commit', '--quiet', '--message', `within ${deadline} s`);
  }
  const own = join(repository, 'elsewhere');
  write(own, 1);
  const [old, fresh, bare] = await Promise.all([
    buildContractTree(project, { ref: 'HEAD~1' }),
    buildContractTree(project, { ref: 'main' }),
    buildContractTree(project, { directory: own }),
  ]);
  const text = (a: Uint8Array, b: Uint8Array) => diffText(diff({ descriptorSet: a }, { descriptorSet: b }, 0).diff);
  t.is(text(old, fresh), 'inn.desk -> inn.rooms.v1.RoomService/GetRoom\n  deadline: 3 s -> 2 s');
  t.is(text(fresh, bare), 'inn.desk -> inn.rooms.v1.RoomService/GetRoom\n  deadline: 2 s -> 1 s');
  t.is(text(fresh, fresh), '');
  t.is(git('status', '--porcelain', 'proto').toString(), '');

  const nowhere = await t.throwsAsync(buildContractTree(project, { ref: '--help' }), { instanceOf: CommandError });
  t.is(nowhere?.message, '--help is neither a directory nor a commit with a proto/ directory.');
  writeFileSync(join(own, 'inn/rooms/v1/rooms.proto'), 'nonsense');
  await t.throwsAsync(buildContractTree(project, { directory: own }), {
    message: /do not compile: .*rooms\.proto/s,
  });
  t.deepEqual(
    readdirSync(tmpdir()).filter((name) => name.startsWith('weft-')),
    [],
  );
});

test('a commit outside of a git repository is told apart from one that does not exist', async (t) => {
  const directory = mkdtempSync(join(outside, 'weft-no-repository-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  await t.throwsAsync(buildContractTree(projectAt(directory), { ref: 'main' }), {
    instanceOf: CommandError,
    message:
      /^main is not a directory, and no commit either, because .* is not in a git repository\. Commit .*git init/,
  });
});
