import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemNamespace } from '@weft/compiler/pod/names';
import { requestAdmin } from '@weft/dev-envoy';
import { writeFileAtomically } from '../atomic-file.ts';
import { missingConfiguration } from './held-configuration.ts';
import { KeptProcess } from './kept-process.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { startSidecar } from './sidecar.ts';

/** The edge's namespace and name, which the mesh's configuration reserves for it. */
export const edgeNamespace = systemNamespace;
const namespace = edgeNamespace;
const gateway = 'edge';
const name = 'edge-0';
const probeIntervalMs = 500;
const firstProbeIntervalMs = 50;
/** How long in-flight calls may take to finish when the mesh stops. */
const drainMs = 5_000;

/** The edge: the Envoy that takes calls from outside the mesh. */
export class Edge {
  readonly port: number;
  readonly #run: MeshRun;
  readonly #log: ProcessLog;
  readonly #envoy: KeptProcess;
  readonly #stopped = new AbortController();
  #reason = 'it starts';
  #probing: Promise<void> | undefined;

  constructor(run: MeshRun, port: number) {
    this.#run = run;
    this.port = port;
    this.#log = run.logs.open(name);
    this.#envoy = new KeptProcess({
      name,
      records: run.records,
      report: run.report,
      lastLine: () => this.#log.lastLine,
      start: () => startSidecar(run, { namespace, name }, this.#log, { fromOutside: true }),
      onUp: () => this.#update('it is waiting for its configuration'),
      onDown: (reason) => this.#update(reason),
    });
    const token = join(run.state.tokens, namespace, name);
    mkdirSync(dirname(token), { recursive: true, mode: 0o700 });
    writeFileAtomically(token, randomBytes(32).toString('base64url'), 0o600);
    this.#publish();
  }

  /** Why it does not serve; empty if it does. */
  get reason(): string {
    return this.#reason;
  }

  /** `namespace/name` in the mesh. */
  get workload(): string {
    return `${namespace}/${name}`;
  }

  /** What `weft status` shows of it. */
  get facts() {
    return {
      namespace,
      name,
      service: gateway,
      ready: this.#reason === '',
      reason: this.#reason,
      envoyPid: this.#envoy.pid,
      restarts: 0,
      envoyRestarts: this.#envoy.restarts,
      listen: `127.0.0.1:${this.port}`,
      adminSocket: this.#run.adminSocket(name),
      envoyLog: this.#log.path,
    };
  }

  /** Starts it. The control plane must have written its root certificate first. */
  async start(): Promise<void> {
    await this.#envoy.start();
    this.#probing = this.#probe();
  }

  /** Lets in-flight calls finish, within a time limit, then stops it. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#drain();
    await this.#envoy.stop(drainMs);
    await this.#probing;
    this.#log.close();
  }

  async #drain(): Promise<void> {
    const socketPath = this.#run.adminSocket(name);
    const end = Date.now() + drainMs;
    try {
      await requestAdmin({ socketPath, path: '/drain_listeners?graceful&skip_exit', method: 'POST', timeoutMs: 1_000 });
      const path = '/stats?filter=^http\\.gateway.*downstream_rq_active$';
      while (Date.now() < end) {
        const stats = await requestAdmin({ socketPath, path, timeoutMs: 1_000 });
        if (!/: [1-9]/.test(stats)) return;
        await sleep(50);
      }
    } catch {
      // It has exited or does not answer, so there is nothing to wait for.
    }
  }

  async #probe(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const envoy = this.#envoy.pid;
      if (envoy !== undefined && this.#reason !== '') {
        const missing = await missingConfiguration(this.#run.adminSocket(name), this.port);
        if (envoy === this.#envoy.pid) this.#update(missing && `its Envoy ${missing}`);
      }
      const intervalMs = this.#reason === '' ? probeIntervalMs : firstProbeIntervalMs;
      await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #update(reason: string): void {
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.#publish();
    this.#run.changed();
  }

  #publish(): void {
    this.#run.mesh.writeWorkload({
      namespace,
      name,
      labels: { app: gateway },
      serviceAccount: gateway,
      inbound: [],
      gateway: { name: gateway, listen: `127.0.0.1:${this.port}` },
      ready: this.#reason === '',
      reason: this.#reason,
    });
  }
}
