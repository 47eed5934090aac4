import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DevPostgres, startPostgres } from '@weft/dev-postgres';
import { writeFileAtomically } from '../atomic-file.ts';
import { freePort } from './free-port.ts';
import { heldReason, KeptProcess } from './kept-process.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import type { Running } from './running.ts';

const stopMs = 25_000;

/** The PostgreSQL of the mesh: one server, one role and one schema for each service. */
export class Database {
  readonly port: number;
  readonly #run: MeshRun;
  readonly #process: KeptProcess;
  readonly #firstUp = Promise.withResolvers<void>();
  #log: ProcessLog | undefined;
  #server: DevPostgres | undefined;

  /** Chooses a port, and keeps it across restarts of PostgreSQL so that services can reconnect. */
  static async create(run: MeshRun): Promise<Database> {
    return new Database(run, await freePort());
  }

  private constructor(run: MeshRun, port: number) {
    this.port = port;
    this.#run = run;
    this.#process = new KeptProcess({
      name: 'postgres',
      records: run.records,
      report: run.report,
      start: () => this.#start(),
      onUp: () => {
        this.#firstUp.resolve();
        run.changed();
      },
      onDown: () => run.changed(),
      patient: true,
    });
  }

  /** What `weft status` shows of it. */
  get facts() {
    return {
      name: 'postgres',
      pid: this.#process.pid,
      reason: this.#process.reason,
      restarts: this.#process.restarts,
      listen: `127.0.0.1:${this.port}`,
      log: join(this.#run.state.log, 'postgres.log'),
    };
  }

  /** Whether a service needs it: it was started, successfully or not. */
  get used(): boolean {
    return this.#log !== undefined;
  }

  /** Whether it is down with no sign that it will soon run. */
  get hopeless(): boolean {
    return this.#process.hopeless;
  }

  /** Resolves when it runs for the first time. */
  get firstUp(): Promise<void> {
    return this.#firstUp.promise;
  }

  /** Starts it, and retries failed starts without limit; `hopeless` reports repeated failure. */
  start(): Promise<void> {
    this.#log ??= this.#run.logs.open('postgres');
    return this.#process.start();
  }

  /** Stops it until it is released. */
  hold(): Promise<void> {
    return this.#process.hold(stopMs, heldReason('postgres'));
  }

  /** Starts it again and waits until it accepts connections. */
  async release(signal: AbortSignal): Promise<void> {
    this.#process.release();
    while (this.#process.pid === undefined) await sleep(25, undefined, { signal });
  }

  async stop(): Promise<void> {
    await this.#process.stop(stopMs);
    this.#log?.close();
  }

  /** Creates the role that owns `schema` and nothing else, and returns its connection settings. */
  async provision(schema: string): Promise<Readonly<Record<string, string>>> {
    if (!this.#server) throw new Error('PostgreSQL is not running');
    const password = this.#password(schema);
    return (await this.#server.provision({ role: schema, schema, password })).env;
  }

  async #start(): Promise<Running> {
    const { port } = this;
    // The server's own log goes only to its file. Its exit is reported by the code that keeps it running.
    const log = (line: string) => this.#log?.line(line, { quiet: true });
    const server = await startPostgres({ dataDir: this.#run.state.postgres, port, log });
    this.#server = server;
    return {
      pid: server.pid,
      exited: server.exited.then((error) => (error ? `an error (${error.message})` : 'a stop')),
      stop: () => server.stop(),
    };
  }

  /** Random, readable only by this user, and the same in each run, so that a process of an earlier run can still connect. */
  #password(role: string): string {
    const file = join(this.#run.state.secrets, `${role}.password`);
    if (existsSync(file)) return readFileSync(file, 'utf8').trim();
    const password = randomBytes(24).toString('base64url');
    writeFileAtomically(file, `${password}\n`, 0o600);
    return password;
  }
}
