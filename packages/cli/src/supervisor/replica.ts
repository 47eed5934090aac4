import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from '../atomic-file.ts';
import type { WorkloadManifest } from '../mesh/manifests.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { freePort, releasePort } from './free-port.ts';
import { healthProbe } from './health-probe.ts';
import { missingConfiguration } from './held-configuration.ts';
import { KeptProcess } from './kept-process.ts';
import { type ListenAddress, listenText } from './listen-address.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { type StopSignal, startProgram } from './running.ts';
import { checkStartable, type ServiceProcess, serviceProcess } from './service-process.ts';
import { startSidecar } from './sidecar.ts';

const probeIntervalMs = 500;
/** Until it is ready, somebody waits for it. */
const firstProbeIntervalMs = 100;

/** The kit serves 5 s more after SIGTERM, then ends what is still under way. */
const drainMs = 20_000;
const startingReason = 'it starts';
const envoyStopMs = 5_000;

/** What a replica is made from. */
export interface ReplicaOptions {
  readonly run: MeshRun;
  readonly service: ServiceManifest;
  readonly index: number;
  readonly contract?: string;
  /** PGHOST and so on as of the start; empty for a service without a database. */
  readonly databaseEnv: () => Readonly<Record<string, string>>;
}

/** One process of a service, the Envoy beside it, and the Workload that tells the mesh about both. */
export class Replica {
  readonly name: string;
  readonly service: ServiceManifest;
  readonly outboundPort: number;
  readonly #run: MeshRun;
  readonly #contract: string | undefined;
  readonly #inboundPort: number;
  readonly #listen: ListenAddress;
  readonly #databaseEnv: () => Readonly<Record<string, string>>;
  readonly #appLog: ProcessLog;
  readonly #envoyLog: ProcessLog;
  readonly #app: KeptProcess;
  readonly #envoy: KeptProcess;
  readonly #stopped = new AbortController();
  #appReason = startingReason;
  #envoyReason = 'its Envoy starts';
  #leaving = false;
  /** Somebody runs its application in the foreground. */
  #lent = false;
  #readySince: number | undefined;
  #probing: Promise<void> | undefined;

  /** Takes ports, a token and a place in the mesh; starts nothing. */
  static async create(options: ReplicaOptions): Promise<Replica> {
    const { run, service, index } = options;
    const [inbound, outbound] = await Promise.all([freePort(), freePort()]);
    const listen =
      service.listen === 'tcp'
        ? { host: '127.0.0.1', port: await freePort() }
        : { path: join(run.state.run, `${service.name}-${index}.sock`) };
    return new Replica(options, inbound, outbound, listen);
  }

  private constructor(options: ReplicaOptions, inboundPort: number, outboundPort: number, listen: ListenAddress) {
    const { run, service, index, contract, databaseEnv } = options;
    this.#run = run;
    this.service = service;
    this.name = `${service.name}-${index}`;
    this.#contract = contract;
    this.#inboundPort = inboundPort;
    this.outboundPort = outboundPort;
    this.#listen = listen;
    this.#databaseEnv = databaseEnv;
    this.#appLog = run.logs.open(this.name);
    this.#envoyLog = run.logs.open(`${this.name}.envoy`);
    this.#app = new KeptProcess({
      name: this.name,
      records: run.records,
      report: run.report,
      lastLine: () => this.#appLog.lastLine,
      start: () => {
        const process = this.process;
        checkStartable(process, service.file);
        this.#removeSocket();
        return startProgram({ ...process, log: this.#appLog });
      },
      onUp: () => this.#update({ app: startingReason }),
      onDown: (reason) => this.#down({ app: reason }),
      patient: true,
    });
    this.#envoy = new KeptProcess({
      name: `${this.name} envoy`,
      records: run.records,
      report: run.report,
      lastLine: () => this.#envoyLog.lastLine,
      start: () => startSidecar(run, { namespace: service.namespace, name: this.name }, this.#envoyLog),
      onUp: () => this.#update({ envoy: 'its Envoy waits for its configuration' }),
      onDown: (reason) => this.#down({ envoy: `its Envoy ${reason}` }),
      patient: true,
    });
    const token = join(run.state.tokens, service.namespace, this.name);
    mkdirSync(dirname(token), { recursive: true, mode: 0o700 });
    writeFileAtomically(token, randomBytes(32).toString('base64url'), 0o600);
    this.#publish();
  }

  /** Takes calls. */
  get ready(): boolean {
    return this.reason === '';
  }

  /** Why it takes none; empty when it does. */
  get reason(): string {
    if (this.#leaving) return 'it is going away';
    return this.#appReason || this.#envoyReason;
  }

  /** It takes no calls and will not soon: one of its processes does not stay up. */
  get hopeless(): boolean {
    return this.#app.hopeless || this.#envoy.hopeless;
  }

  /** How its process is started. */
  get process(): ServiceProcess {
    return serviceProcess({
      service: this.service,
      replica: this.name,
      listen: this.#listen,
      outboundPort: this.outboundPort,
      meshEnv: this.#run.env,
      databaseEnv: this.#databaseEnv(),
    });
  }

  /** What `weft status` shows of it. */
  get facts() {
    return {
      namespace: this.service.namespace,
      name: this.name,
      service: this.service.name,
      ready: this.ready,
      reason: this.reason,
      since: this.#readySince === undefined ? undefined : new Date(this.#readySince).toISOString(),
      pid: this.#app.pid,
      envoyPid: this.#envoy.pid,
      restarts: this.#app.restarts,
      envoyRestarts: this.#envoy.restarts,
      application: listenText(this.#listen),
      inbound: `127.0.0.1:${this.#inboundPort}`,
      outbound: `127.0.0.1:${this.outboundPort}`,
      adminSocket: this.#run.adminSocket(this.name),
      log: this.#appLog.path,
      envoyLog: this.#envoyLog.path,
    };
  }

  /** Starts the application, then watches its health until it is stopped. */
  async startApplication(): Promise<void> {
    await this.#app.start();
    this.#probing = this.#probe();
  }

  /** Keeps its application from running until it is released; `reason` says why. */
  withhold(reason: string): Promise<void> {
    return this.#app.hold(drainMs, reason);
  }

  /** Lets a process that somebody else starts be its application, once its own has ended. */
  lend(): void {
    this.#removeSocket();
    this.#lent = true;
    this.#update({ app: 'the process under `weft run` does not listen yet' });
  }

  /** Ends the loan. `withheld`: why its own application does not run either; else it starts again. */
  takeBack(withheld?: string): void {
    this.#lent = false;
    if (withheld === undefined) this.#app.release();
    else this.#update({ app: withheld });
  }

  /** Starts the Envoy; the control plane must have written its root before. */
  startEnvoy(): Promise<void> {
    return this.#envoy.start();
  }

  /** Takes it out of the mesh without a failed call: callers first (`settled`), then the application, then its Envoy. */
  async leave(settled: () => Promise<void>): Promise<void> {
    this.#leaving = true;
    this.#publish();
    await settled();
    await this.stop('SIGTERM');
    this.#run.mesh.removeWorkload({ namespace: this.service.namespace, name: this.name });
  }

  /** Ends both processes: the application first. By SIGTERM it serves for a while before; by SIGINT nobody calls it any more. */
  async stop(signal: StopSignal): Promise<void> {
    this.#leaving = true;
    this.#stopped.abort();
    await this.#app.stop(drainMs, signal);
    await this.#envoy.stop(envoyStopMs);
    await this.#probing;
    this.#removeSocket();
    rmSync(join(this.#run.state.tokens, this.service.namespace, this.name), { force: true });
    releasePort(this.#inboundPort);
    releasePort(this.outboundPort);
    if ('port' in this.#listen) releasePort(this.#listen.port);
    this.#appLog.close();
    this.#envoyLog.close();
  }

  async #probe(): Promise<void> {
    const probe = healthProbe(this.#listen, this.service.health);
    const { signal } = this.#stopped;
    let late = 0;
    while (!signal.aborted) {
      const pid = this.#app.pid;
      const lent = this.#lent;
      if (pid !== undefined || lent) {
        const result = await probe.check();
        late = result.late ? late + 1 : 0;
        // One late answer proves nothing, and none does of a process that a debugger may have stopped; and the answer of a process
        // that has ended since says nothing of the next one.
        const told = result.late ? late > 1 && !lent : true;
        if (told && pid === this.#app.pid && lent === this.#lent) this.#update({ app: result.reason });
      }
      const envoy = this.#envoy.pid;
      if (envoy !== undefined && this.#envoyReason !== '') {
        const missing = await missingConfiguration(this.#run.adminSocket(this.name), this.#inboundPort);
        if (envoy === this.#envoy.pid) this.#update({ envoy: missing && `its Envoy ${missing}` });
      }
      await sleep(this.ready ? probeIntervalMs : firstProbeIntervalMs, undefined, { signal }).catch(() => undefined);
    }
    probe.close();
  }

  #removeSocket(): void {
    if ('path' in this.#listen) rmSync(this.#listen.path, { force: true });
  }

  /** As `update`; and whoever waits looks again, since the same reason once more may be one time too many. */
  #down(reasons: { app?: string; envoy?: string }): void {
    this.#update(reasons);
    this.#run.changed();
  }

  #update({ app, envoy }: { app?: string; envoy?: string }): void {
    const before = this.reason;
    if (app !== undefined) this.#appReason = app;
    if (envoy !== undefined) this.#envoyReason = envoy;
    if (this.reason === before) return;
    this.#publish();
    this.#run.changed();
  }

  #publish(): void {
    const { reason } = this;
    if (reason !== '') this.#readySince = undefined;
    else this.#readySince ??= Date.now();
    const manifest: WorkloadManifest = {
      namespace: this.service.namespace,
      name: this.name,
      labels: { app: this.service.name },
      serviceAccount: this.service.name,
      ...(this.#contract ? { contract: this.#contract } : {}),
      inbound: [{ listen: `127.0.0.1:${this.#inboundPort}`, application: listenText(this.#listen) }],
      outbound: `127.0.0.1:${this.outboundPort}`,
      ready: reason === '',
      reason,
    };
    this.#run.mesh.writeWorkload(manifest);
  }
}
