import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { requestAdmin } from './admin.ts';

/** How to run one Envoy. */
export interface StartEnvoyOptions {
  /** The binary's path. */
  readonly envoy: string;
  /** The bootstrap as JSON; its admin address must be a unix socket (`admin.address.pipe.path`). */
  readonly bootstrap: Bootstrap;
  /** Where its bootstrap file is written (mode 0600). */
  readonly dir: string;
  /** Told each line: access logs come on stdout, Envoy's own log on stderr. Default: dropped. */
  readonly log?: (line: string, stream: 'stdout' | 'stderr') => void;
  /** Envoy's own log level. Default: "warning". */
  readonly logLevel?: string;
  /** How long connections of a listener that has changed may stay, in seconds. Default: Envoy's own, 600. */
  readonly drainSeconds?: number;
}

/** As much of a bootstrap as is read here. */
export interface Bootstrap {
  readonly admin?: { readonly address?: { readonly pipe?: { readonly path?: string } } };
  readonly [key: string]: unknown;
}

/** An Envoy process. */
export interface RunningEnvoy {
  readonly pid: number;
  readonly adminSocket: string;
  /** Settles with the exit code, or null after a signal. */
  readonly exited: Promise<number | null>;
  /** The body of a request to the admin interface. */
  admin(path: string, options?: { method?: 'GET' | 'POST' }): Promise<string>;
  /** Ends it by SIGTERM and waits; SIGKILL after 5 s. */
  stop(): Promise<void>;
  /** Ends it by SIGKILL and waits. */
  kill(): Promise<void>;
}

/** Starts a stock Envoy with one worker. It is running, but not yet configured, when this returns. */
export async function startEnvoy(options: StartEnvoyOptions): Promise<RunningEnvoy> {
  const adminSocket = options.bootstrap.admin?.address?.pipe?.path;
  if (!adminSocket)
    throw new Error('startEnvoy: the bootstrap must have its admin on a unix socket (admin.address.pipe.path)');
  await mkdir(options.dir, { recursive: true, mode: 0o700 });
  const file = join(options.dir, 'envoy.json');
  await writeFile(file, JSON.stringify(options.bootstrap), { mode: 0o600 });
  await chmod(file, 0o600);
  const args = [
    '-c',
    file,
    '--disable-hot-restart',
    '--concurrency',
    '1',
    '--log-level',
    options.logLevel ?? 'warning',
    // Access logs: Envoy's own default keeps a quiet proxy's lines back for 10 s.
    '--file-flush-interval-msec',
    '500',
    ...(options.drainSeconds === undefined ? [] : ['--drain-time-s', String(options.drainSeconds)]),
  ];
  // A group of its own: a Ctrl-C at the terminal goes to whoever started it, which then ends its children in order.
  const child = spawn(options.envoy, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exited = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  const log = options.log ?? (() => {});
  follow(child.stdout, (line) => log(line, 'stdout'));
  follow(child.stderr, (line) => log(line, 'stderr'));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`startEnvoy: ${options.envoy} has no process id`);
  return {
    pid,
    adminSocket,
    exited,
    admin: (path, request = {}) => requestAdmin({ socketPath: adminSocket, path, ...request }),
    stop: () => end(child, exited, 'SIGTERM'),
    kill: () => end(child, exited, 'SIGKILL'),
  };
}

function follow(stream: Readable, line: (text: string) => void): void {
  createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', line);
}

async function end(child: ChildProcess, exited: Promise<unknown>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exited;
  clearTimeout(timer);
}
