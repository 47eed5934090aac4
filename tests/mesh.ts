import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requestAdmin } from '@weft/dev-envoy';
import { stateDirectory } from '../packages/cli/src/state-directory.ts';
import { SupervisorClient, type SupervisorStatus } from '../packages/cli/src/supervisor/supervisor-client.ts';
import { waitFor } from './wait-for.ts';

const execute = promisify(execFile);
const root = join(import.meta.dirname, '..');
const weftBin = join(root, 'packages/cli/bin/weft.js');

/** A whole mesh as `weft up` runs it, with a state directory of its own. */
export interface Mesh {
  /** The edge's. */
  readonly port: number;
  /** `http://127.0.0.1:<port>`. */
  readonly edge: string;
  readonly state: string;
  /** What `weft up` has printed. */
  readonly welcome: string;
  /** Manifests of a user's own go here. */
  readonly userMesh: string;
  /** What `weft status --json` prints. */
  status(): Promise<MeshStatus>;
  /** What the supervisor says: quicker than `status`. */
  supervisor(): Promise<SupervisorStatus>;
  /** Runs `weft ...` against this mesh; what it printed on stdout. */
  weft(...args: readonly string[]): Promise<string>;
  /** A replica ("orders-0"), with its processes. */
  replica(name: string): Promise<Replica>;
  /** Ready replicas of a service, by name. */
  replicas(service: string): Promise<readonly Replica[]>;
  /** A counter of one Envoy ("orders-0", "edge-0"); 0 where it has none of that name. */
  counter(replica: string, name: string | RegExp): Promise<number>;
  /** The log of one process. */
  log(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** As much of `weft status --json` as the tests read. */
export interface MeshStatus {
  readonly workloads: readonly StatusWorkload[];
  readonly services: readonly {
    name: string;
    namespace: string;
    readyReplicas?: number;
    replicas?: number;
    logicalName?: string;
  }[];
  readonly problems?: readonly { resource: string; field?: string; message: string; advice?: string }[];
  readonly denials?: readonly { caller: string; method: string; count: string; message: string }[];
  readonly supervisor: {
    readonly replicas: readonly Replica[];
    readonly processes: readonly { name: string; pid?: number; listen?: string }[];
  };
}

/** One workload of `weft status --json`. */
export interface StatusWorkload {
  readonly name: string;
  readonly namespace: string;
  readonly services?: readonly string[];
  readonly ready?: boolean;
  readonly reason?: string;
  readonly address?: string;
  readonly proxy?: {
    readonly spiffeId: string;
    readonly connectedAt: string;
    readonly certificateNotAfter: string;
    readonly acknowledgements: readonly {
      typeUrl: string;
      sentVersion?: string;
      ackedVersion?: string;
      ackedAt?: string;
      nack?: string;
    }[];
  };
}

/** A replica that the supervisor runs. */
export interface Replica {
  readonly name: string;
  readonly service: string;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason: string;
  /** The application's process. */
  readonly pid?: number | undefined;
  readonly envoyPid?: number | undefined;
  readonly adminSocket: string;
  /** Of its sidecar: "127.0.0.1:20001". */
  readonly inbound?: string | undefined;
  readonly outbound?: string | undefined;
}

/** What to start. */
export interface MeshOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Default: a directory that goes with the mesh. */
  readonly state?: string;
  /** The root of the project. Default: this repository. */
  readonly project?: string;
  /** More arguments of `weft up`. */
  readonly up?: readonly string[];
}

/** Starts a mesh and waits until it is up. The caller stops it, also after a failure. */
export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const state = options.state ?? (await mkdtemp(join(tmpdir(), 'mesh-')));
  const port = await freePort();
  const questions = meshQuestions(state, options);
  const { weft } = questions;
  const stop = async () => {
    await weft('down').catch(() => {});
    if (!options.state) await rm(state, { recursive: true, force: true });
  };
  let welcome: string;
  try {
    welcome = await weft('up', '--detach', '--port', String(port), ...(options.up ?? []));
  } catch (error) {
    const log = await readFile(join(state, 'log/up.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`the mesh did not start; the end of its log:\n${log.slice(-6000)}`, { cause: error });
  }
  return { port, edge: `http://127.0.0.1:${port}`, welcome, ...questions, stop };
}

/** A mesh that runs already, with its edge at `port`. `stop` leaves it running. */
export function runningMesh(state: string, port: number): Mesh {
  return { port, edge: `http://127.0.0.1:${port}`, welcome: '', ...meshQuestions(state), stop: async () => {} };
}

/** What one may ask of the mesh with this state directory, and have it do. */
function meshQuestions(state: string, options: MeshOptions = {}): Omit<Mesh, 'port' | 'edge' | 'welcome' | 'stop'> {
  const env = { ...process.env, NO_COLOR: '1', ...options.env };
  const weft = async (...args: readonly string[]): Promise<string> => {
    const [command = '', ...rest] = args;
    const { stdout } = await execute(process.execPath, [weftBin, command, '--state', state, ...rest], {
      cwd: options.project ?? root,
      env,
      timeout: 120_000,
      maxBuffer: 64 << 20,
    });
    return stdout;
  };
  const status = async (): Promise<MeshStatus> => JSON.parse(await weft('status', '--json'));
  // Without a process for each question.
  const client = new SupervisorClient(stateDirectory(state).controlSocket);
  const supervisor = async () => {
    const answer = await client.status();
    if (!answer) throw new Error('the mesh does not run');
    return answer;
  };
  const replicas = async (service: string) =>
    (await supervisor()).replicas.filter((replica) => replica.service === service && replica.ready);
  const replica = async (name: string) => {
    const found = (await supervisor()).replicas.find((one) => one.name === name);
    if (!found) throw new Error(`no replica ${name} in this mesh`);
    return found;
  };
  return {
    state,
    userMesh: join(state, 'mesh/user'),
    status,
    supervisor,
    weft,
    replica,
    replicas,
    counter: async (name, counter) => readCounter((await replica(name)).adminSocket, counter),
    log: (name) => readFile(join(state, 'log', `${name}.log`), 'utf8'),
  };
}

/** The sum of an Envoy's counters whose name is, or matches, `name`. */
export async function readCounter(adminSocket: string, name: string | RegExp): Promise<number> {
  const stats = await requestAdmin({ socketPath: adminSocket, path: '/stats' });
  let sum = 0;
  for (const line of stats.split('\n')) {
    const [key = '', value = ''] = line.split(': ');
    if (typeof name === 'string' ? key === name : name.test(key)) sum += Number(value) || 0;
  }
  return sum;
}

/**
 * A port of 127.0.0.1 that nobody listens on. It is below the range from which outgoing connections take theirs, so that none of them has
 * it before it is used.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_240 + randomInt(9_700);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

/** Waits until no process has this id. */
export function waitForExit(pid: number): Promise<true> {
  return waitFor(`process ${pid} to end`, () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
}
