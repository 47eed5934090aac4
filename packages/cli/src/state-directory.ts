import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, statfsSync, statSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CommandError, reasonOf } from './command-error.ts';
import { isNoSpace } from './system-error.ts';

/** The files and directories of one local mesh. Every path is absolute. */
export interface StateDirectory {
  /** `.weft` unless the user names another. */
  readonly path: string;
  /** PostgreSQL's data, which the next `weft up` uses again. */
  readonly postgres: string;
  /** Database passwords (0600). */
  readonly secrets: string;
  /** The mesh directory that the control plane reads; `user` in it belongs to the user. */
  readonly mesh: string;
  readonly userMesh: string;
  /** The control plane's own state: its root certificate. */
  readonly controlPlane: string;
  /** One bearer token per workload (0600), `<namespace>/<name>`. */
  readonly tokens: string;
  /** Bootstrap files of the Envoys. */
  readonly envoy: string;
  readonly log: string;
  /** Every process that was started and may still be running. */
  readonly processes: string;
  /** The lock of the process that runs the mesh. */
  readonly lock: string;
  /**
   * Unix sockets (0700). It is outside `path` because a socket path may have at most 104 bytes on macOS. Its name is derived from `path`,
   * so that every command finds it.
   */
  readonly run: string;
  /** The supervisor's own socket. */
  readonly controlSocket: string;
  /** The control plane's API. */
  readonly apiSocket: string;
}

/** The longest path of a unix socket is 104 bytes with its NUL on macOS, and 108 on Linux. */
const maxSocketPath = 103;

/** Room for the longest socket name in `run`. */
const maxSocketName = 40;

/** The paths of the mesh whose state is in `path`. Creates nothing. */
export function stateDirectory(path: string, temporary: string = tmpdir()): StateDirectory {
  const state = resolve(path);
  const hash = createHash('sha256').update(state).digest('hex').slice(0, 8);
  const name = `weft-${userInfo().uid}-${hash}`;
  const short = join(temporary, name).length + maxSocketName <= maxSocketPath;
  const run = join(short ? temporary : '/tmp', name);
  return {
    path: state,
    postgres: join(state, 'postgres'),
    secrets: join(state, 'secrets'),
    mesh: join(state, 'mesh'),
    userMesh: join(state, 'mesh/user'),
    controlPlane: join(state, 'control-plane'),
    tokens: join(state, 'tokens'),
    envoy: join(state, 'envoy'),
    log: join(state, 'log'),
    processes: join(state, 'processes.json'),
    lock: join(state, 'lock'),
    run,
    controlSocket: join(run, 'up.sock'),
    apiSocket: join(run, 'api.sock'),
  };
}

/** The file to which a mesh in the background prints. */
export function ownLog({ log }: StateDirectory): string {
  return join(log, 'up.log');
}

/**
 * Creates the directory itself, and that of the lock.
 *
 * @throws CommandError that says why it cannot be created.
 */
export function createStatePath({ path, lock }: StateDirectory): void {
  try {
    makeDirectory(path);
    makeDirectory(lock);
  } catch (error) {
    if (isNoSpace(error)) throw new CommandError(fullDisk(path));
    throw new CommandError(
      `The state folder ${path} cannot be made (${reasonOf(error)}); choose another with --state or WEFT_STATE.`,
      { cause: error },
    );
  }
}

/** Creates a directory and those above it. Node's own recursion does not end where nobody can create one, as in /proc. */
function makeDirectory(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found) throw new Error(`${path} is not a directory`);
  if (dirname(path) !== path) makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    // Another command may have created it meanwhile.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error;
  }
}

/** Creates the directories; those with secrets or sockets are private. */
export function createStateDirectory(state: StateDirectory): void {
  createStatePath(state);
  for (const directory of [state.mesh, state.userMesh, state.log]) mkdirSync(directory, { recursive: true });
  for (const directory of [state.secrets, state.controlPlane, state.tokens, state.envoy]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
  }
  mkdirSync(state.run, { recursive: true, mode: 0o700 });
  // Anybody can write to /tmp, so another user may have created a directory of that name first.
  const made = lstatSync(state.run);
  if (!made.isDirectory() || made.uid !== userInfo().uid) {
    throw new CommandError(`${state.run} belongs to another user; set TMPDIR to a directory of your own.`);
  }
  chmodSync(state.run, 0o700);
}

/** A start writes certificates, bootstrap files and logs, and PostgreSQL writes about 60 MB more. */
const neededBytes = 16 << 20;

/**
 * Fails if there is not enough space to start a mesh. The directory must exist.
 *
 * @throws CommandError that says how much is free.
 */
export function checkFreeSpace({ path }: StateDirectory): void {
  const free = freeBytes(path);
  if (free < neededBytes) throw new CommandError(`${fullDisk(path)} Only ${Math.floor(free / 2 ** 20)} MB are free.`);
}

/** With less than this, the next file of a running mesh may not fit. */
const lowBytes = 1 << 20;

/** Whether a running mesh can write next to nothing more. */
export function isDiskFull({ path }: StateDirectory): boolean {
  try {
    return freeBytes(path) < lowBytes;
  } catch {
    // Somebody has removed the directory; that says nothing of its disk.
    return false;
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}

/** The message that the disk of a path is full, and what to do. */
export function fullDisk(path: string): string {
  return `No space is left on the disk of ${path}; free some space, or choose another directory with --state.`;
}
