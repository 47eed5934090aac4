import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../services/control-plane/src/on-envoy/testing/free-ports.ts';
import { compileCache, fillCompileCache } from './compile-cache.ts';

const main = fileURLToPath(new URL('../services/control-plane/src/main.ts', import.meta.url));

/** The path of a kubeconfig; or, as in a pod, the directory with the account and the address that goes with it. */
export type ClusterAccess =
  | { readonly kubeconfig: string }
  | { readonly account: string; readonly host: string; readonly port: number };

/** As in its image. */
const memoryVariables = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** Where a cluster is, and what is the control plane's own there. */
export interface ClusterPlace {
  /** A directory for state/. */
  readonly dir: string;
  readonly access: ClusterAccess;
  /** The control plane's own namespace. */
  readonly namespace: string;
}

/** The control plane as it is shipped, with its flags and a compile cache, in a process of its own, on a directory of its own. */
export class ControlPlaneProcess {
  /** Holds state/ and, where there is no cluster, mesh/ and tokens/. */
  readonly dir: string;
  readonly port: number;
  readonly #source: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  private constructor(
    dir: string,
    port: number,
    source: readonly string[] = ['--mesh', 'mesh', '--tokens', 'tokens'],
    env: NodeJS.ProcessEnv = {},
  ) {
    this.dir = dir;
    this.port = port;
    this.#source = source;
    this.#env = env;
  }

  /** One that follows a cluster. A replica that starts anew has the same name, so it holds the lease at once. */
  static async onCluster({ dir, access, namespace }: ClusterPlace): Promise<ControlPlaneProcess> {
    await fillCompileCache();
    const [port = 0] = await freePorts(1);
    const source = ['--source', 'kubernetes', '--namespace', namespace];
    const env = { POD_NAME: 'bench' };
    if ('kubeconfig' in access) {
      return new ControlPlaneProcess(dir, port, source, { ...env, KUBECONFIG: access.kubeconfig });
    }
    return new ControlPlaneProcess(dir, port, [...source, '--service-account', access.account], {
      ...env,
      KUBECONFIG: undefined,
      KUBERNETES_SERVICE_HOST: access.host,
      KUBERNETES_SERVICE_PORT: String(access.port),
    });
  }

  /** Writes a mesh directory, and a token for each of these workloads; starts nothing yet. */
  static async prepare(
    dir: string,
    files: ReadonlyMap<string, Uint8Array>,
    workloads: readonly string[],
  ): Promise<ControlPlaneProcess> {
    await fillCompileCache();
    const [port = 0] = await freePorts(1);
    const process = new ControlPlaneProcess(dir, port);
    await mkdir(join(dir, 'state'), { mode: 0o700 });
    for (const [path, bytes] of files) await process.put(path, bytes);
    for (const workload of workloads) {
      const path = join(dir, 'tokens', workload);
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeFile(path, tokenOf(workload), { mode: 0o600 });
    }
    return process;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, and resolves when it serves. */
  async start(): Promise<void> {
    const { dir, port } = this;
    const places = [...this.#source, '--state', 'state', '--api', `unix:${join(dir, 'api')}`];
    const child = spawn(process.execPath, ['--max-semi-space-size=4', main, ...places, '--xds', `127.0.0.1:${port}`], {
      cwd: dir,
      env: { ...process.env, LOG_LEVEL: 'info', NODE_COMPILE_CACHE: compileCache, ...memoryVariables, ...this.#env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.includes('"msg":"ready"')) resolve();
        else if (/"level":"?(warn|error|40|50)/.test(line)) console.error(line.slice(0, 500));
      });
      child.once('exit', (code) => reject(new Error(`the control plane ended with ${code}`)));
    });
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Writes a file of the mesh directory as `weft up` does: beside its place, then renamed. Resolves with when it was renamed. */
  async put(path: string, bytes: Uint8Array): Promise<number> {
    const full = join(this.dir, 'mesh', path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(`${full}.tmp`, bytes);
    const at = wallMs();
    await rename(`${full}.tmp`, full);
    return at;
  }
}

/** The bearer token of a workload in a benchmark. */
export function tokenOf(workload: string): string {
  return `token-of-the-benchmark-${workload}`;
}

/** Milliseconds since the epoch with their fractions, which processes of one machine can compare. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
