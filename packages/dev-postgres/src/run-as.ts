import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

/** A user that is not root. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** How to start a program: as `spawn` takes it. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { readonly cwd: string; readonly uid?: number; readonly gid?: number };
}

const run = promisify(execFile);

/**
 * PostgreSQL refuses to run as root. For root this finds the user "postgres", else "nobody": it must have a passwd entry,
 * or initdb fails. Undefined for everyone else.
 */
export async function userInPlaceOfRoot(): Promise<RunAs | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([id('-u', name), id('-g', name)]);
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  return { uid: 65534, gid: 65534 };
}

/** The command that runs `file` as that user. `paths` are what it must reach besides `file`. */
export async function commandAs(
  user: RunAs | undefined,
  file: string,
  args: readonly string[],
  paths: readonly string[],
): Promise<Command> {
  // The current directory may be one that the user cannot enter.
  const cwd = '/';
  if (!user) return { file, args, options: { cwd } };
  const reachable = await Promise.all([file, ...paths].map((path) => canReach(user, path)));
  if (reachable.every(Boolean) || platform() !== 'linux') return { file, args, options: { cwd, ...user } };
  // Below /root, say, nobody else may enter a directory. One capability mends that without opening it to everyone.
  const drop = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  const keep = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  // PostgreSQL asks access() for its own programs, and the kernel answers that without capabilities unless told otherwise.
  keep.push('--securebits=+no_setuid_fixup');
  return { file: 'setpriv', args: [...drop, ...keep, '--', file, ...args], options: { cwd } };
}

async function id(flag: string, name: string): Promise<number | undefined> {
  try {
    const { stdout } = await run('id', [flag, name]);
    const value = Number(stdout.trim());
    return Number.isInteger(value) ? value >>> 0 : undefined;
  } catch {
    return undefined;
  }
}

async function canReach(user: RunAs, path: string): Promise<boolean> {
  for (let directory = dirname(path); ; directory = dirname(directory)) {
    const { mode, uid, gid } = await stat(directory);
    const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (directory === dirname(directory)) return true;
  }
}
