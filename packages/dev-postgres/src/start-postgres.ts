import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve as resolvePath } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Provisioned, type ProvisionOptions, provision } from '@weft/database-setup';
import { type Binaries, findBinaries } from './binaries.ts';
import { type DataDirectory, openDataDirectory } from './data-directory.ts';
import { DevPostgresError, explainFailure } from './dev-postgres-error.ts';
import { commandAs } from './run-as.ts';
import { runningServer } from './running-server.ts';

/** How to start PostgreSQL. */
export interface StartPostgresOptions {
  /** Made where there is none; the same directory has the same data the next time. */
  readonly dataDir: string;
  /** On 127.0.0.1. Default: a free one. */
  readonly port?: number;
  /** Default: 200. */
  readonly maxConnections?: number;
  /** Stops the server when it is aborted. */
  readonly signal?: AbortSignal;
  /** Takes each line that the server logs. Default: lines are dropped. */
  readonly log?: (line: string) => void;
}

/** A PostgreSQL that runs. */
export interface DevPostgres {
  readonly host: string;
  readonly port: number;
  /** Connects the superuser; carries the password, so keep it out of logs. */
  readonly adminUrl: string;
  /** Of the server's first process. */
  readonly pid: number;
  /** Makes a role with a schema of its own; see {@link provision}. */
  provision(options: ProvisionOptions): Promise<Provisioned>;
  /** Ends all sessions, writes everything to disk and ends; after 20 s at once, which the next start recovers from. */
  stop(): Promise<void>;
  /** Ends it as a power cut would; for tests. */
  kill(): Promise<void>;
  /** Resolves when the server has ended: undefined after stop or kill, else why, in one sentence. */
  readonly exited: Promise<DevPostgresError | undefined>;
}

/**
 * Starts a real PostgreSQL with durable settings and SCRAM on 127.0.0.1, as an ordinary user even when this process is
 * root. It ends with this process.
 *
 * @throws DevPostgresError in one sentence: a taken port, a full disk, a data directory of another version or in use.
 */
export async function startPostgres(options: StartPostgresOptions): Promise<DevPostgres> {
  options.signal?.throwIfAborted();
  const binaries = findBinaries();
  const path = resolvePath(options.dataDir);
  const running = await runningServer(path);
  if (running !== undefined) {
    throw new DevPostgresError(`PostgreSQL already runs on ${path} (process ${running}); stop it first`);
  }
  const directory = await openDataDirectory(binaries, path);
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return await start(binaries, directory, port, options);
    } catch (error) {
      const output = error instanceof Error && error.cause instanceof Error ? error.cause.message : '';
      // Processes of a killed server let go of its memory a moment after it; a free port may be taken just now.
      const transient = /shared memory block .* is still in use/.test(output);
      const portRace = options.port === undefined && /Address already in use/.test(output);
      if (!(transient || portRace) || attempt >= 50) throw error;
      await sleep(100, undefined, options.signal ? { signal: options.signal } : {});
    }
  }
}

async function start(binaries: Binaries, directory: DataDirectory, port: number, options: StartPostgresOptions) {
  const child = await spawnServer(binaries, directory, port, options.maxConnections ?? 200);
  let output = '';
  let ready = false;
  let wanted = false;
  const exited = new Promise<DevPostgresError | undefined>((resolve) => {
    child.once('error', (error) => {
      output += `error: ${error.message}\n`;
      resolve(explainFailure('postgres', output, directory.path, port));
    });
    child.once('close', () => {
      resolve(wanted ? undefined : explainFailure('postgres', output, directory.path, port));
    });
  });
  const endWithProcess = () => child.kill('SIGINT');
  process.once('exit', endWithProcess);
  void exited.then(() => process.off('exit', endWithProcess));

  const started = new Promise<void>((resolve) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      // Only the end of a long log says why the server ended.
      output = `${output}${line}\n`.slice(-8_192);
      options.log?.(line);
      if (!ready && line.includes('database system is ready to accept connections')) {
        ready = true;
        resolve();
      }
    });
  });
  const failure = await Promise.race([started, exited]);
  if (!ready) throw failure ?? new DevPostgresError('PostgreSQL was stopped while it started');

  const end = async (signal: NodeJS.Signals) => {
    wanted = true;
    child.kill(signal);
    const forced = setTimeout(() => child.kill('SIGQUIT'), 20_000);
    await exited;
    clearTimeout(forced);
  };
  const stop = () => end('SIGINT');
  options.signal?.addEventListener('abort', () => void stop(), { once: true });
  if (options.signal?.aborted) await stop();

  const admin = { host: '127.0.0.1', port, password: directory.adminPassword };
  return {
    host: admin.host,
    port,
    adminUrl: `postgres://postgres:${admin.password}@${admin.host}:${port}/postgres`,
    pid: child.pid ?? 0,
    provision: (wish: ProvisionOptions) => provision(admin, wish),
    stop,
    kill: () => end('SIGKILL'),
    exited,
  };
}

async function spawnServer(binaries: Binaries, directory: DataDirectory, port: number, maxConnections: number) {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: String(maxConnections),
    password_encryption: 'scram-sha-256',
    fsync: 'on',
    synchronous_commit: 'on',
    full_page_writes: 'on',
    // What start() and explainFailure() read.
    lc_messages: 'C',
    log_destination: 'stderr',
    logging_collector: 'off',
    // No DETAIL lines: they quote rows.
    log_error_verbosity: 'terse',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const args = ['-D', directory.path, '-p', String(port), ...flags];
  const command = await commandAs(directory.user, binaries.postgres, args, [directory.path]);
  // A group of its own: Ctrl-C in a terminal reaches the services first, and they still need it while they drain.
  return spawn(command.file, command.args, {
    ...command.options,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
  }) satisfies ChildProcess;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new DevPostgresError('no free port on 127.0.0.1');
  return address.port;
}
