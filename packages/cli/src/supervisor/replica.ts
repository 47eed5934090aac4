import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from '../atomic-file.ts';
import type { WorkloadManifest } from '../mesh/manifests.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { Application, newListenAddress } from './application.ts';
import { freePort, releasePort } from './free-port.ts';
import { missingConfiguration } from './held-configuration.ts';
import { KeptProcess } from './kept-process.ts';
import { type ListenAddress, listenText } from './listen-address.ts';
import type { ProcessLog } from './logs.ts';
import type { MeshRun } from './mesh-run.ts';
import { drained, moved } from './moved-traffic.ts';
import type { StopSignal } from './running.ts';
import type { ServiceProcess } from './service-process.ts';
import { startSidecar } from './sidecar.ts';

const probeIntervalMs = 500;
/** Until it is ready, somebody waits for it. */
const firstProbeIntervalMs = 100;
const envoyStopMs = 5_000;
/** How long a new process may take to serve before the old one is kept. */
const startMs = 30_000;

/** What a replica is made from. */
export interface ReplicaOptions {
  readonly run: MeshRun;
  readonly service: ServiceManifest;
  readonly index: number;
  readonly contract?: string;
  /** PGHOST and so on as of the start; empty for a service without a database. */
  readonly databaseEnv: () => Readonly<Record<string, string>>;
}

/** What a replica runs. */
export interface ReplicaVersion {
  readonly service: ServiceManifest;
  /** The content hash of its contract. */
  readonly contract: string | undefined;
}

/** One process of a service, the Envoy beside it, and the Workload that tells the mesh about both. */
export class Replica {
  readonly name: string;
  readonly outboundPort: number;
  readonly #run: MeshRun;
  readonly #databaseEnv: () => Readonly<Record<string, string>>;
  readonly #inboundPort: number;
  readonly #appLog: ProcessLog;
  readonly #envoyLog: ProcessLog;
  readonly #envoy: KeptProcess;
  readonly #stopped = new AbortController();
  /** Its application, one that has been replaced and still ends its calls, and one that is about to replace it. */
  readonly #applications = new Set<Application>();
  #service: ServiceManifest;
  #application: Application;
  #generations = 1;
  #contract: string | undefined;
  #envoyReason = 'its Envoy starts';
  #leaving = false;
  #readySince: number | undefined;
  #probing: Promise<void> | undefined;
  #replacing: Promise<unknown> | undefined;

  /** Takes ports, a token and a place in the mesh; starts nothing. */
  static async create(options: ReplicaOptions): Promise<Replica> {
    const { run, service, index } = options;
    const [inbound, outbound, listen] = await Promise.all([
      freePort(),
      freePort(),
      newListenAddress(run, service, `${service.name}-${index}`, 0),
    ]);
    return new Replica(options, inbound, outbound, listen);
  }

  private constructor(options: ReplicaOptions, inboundPort: number, outboundPort: number, listen: ListenAddress) {
    const { run, service, index, contract, databaseEnv } = options;
    this.#run = run;
    this.#service = service;
    this.#databaseEnv = databaseEnv;
    this.name = `${service.name}-${index}`;
    this.#contract = contract;
    this.#inboundPort = inboundPort;
    this.outboundPort = outboundPort;
    this.#appLog = run.logs.open(this.name);
    this.#envoyLog = run.logs.open(`${this.name}.envoy`);
    this.#application = this.#newApplication(service, listen, this.#appLog);
    this.#applications.add(this.#application);
    this.#envoy = new KeptProcess({
      name: `${this.name} envoy`,
      records: run.records,
      report: run.report,
      lastLine: () => this.#envoyLog.lastLine,
      start: () => startSidecar(run, { namespace: service.namespace, name: this.name }, this.#envoyLog),
      onUp: () => this.#updateEnvoy('its Envoy waits for its configuration'),
      onDown: (reason) => {
        this.#updateEnvoy(`its Envoy ${reason}`);
        run.changed();
      },
      patient: true,
    });
    const token = join(run.state.tokens, service.namespace, this.name);
    mkdirSync(dirname(token), { recursive: true, mode: 0o700 });
    writeFileAtomically(token, randomBytes(32).toString('base64url'), 0o600);
    this.#publish();
  }

  /** What it runs now. */
  get service(): ServiceManifest {
    return this.#service;
  }

  /** The hash of the contract that it runs. */
  get contract(): string | undefined {
    return this.#contract;
  }

  /** Takes calls. */
  get ready(): boolean {
    return this.reason === '';
  }

  /** Why it takes none; empty when it does. */
  get reason(): string {
    if (this.#leaving) return 'it is going away';
    return this.#application.reason || this.#envoyReason;
  }

  /** It takes no calls and will not soon: one of its processes does not stay up. */
  get hopeless(): boolean {
    return this.#application.hopeless || this.#envoy.hopeless;
  }

  /** Its process is somebody else's to start. */
  get held(): boolean {
    return this.#application.held;
  }

  /** How its process is started. */
  get process(): ServiceProcess {
    return this.#application.process;
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
      pid: this.#application.pid,
      envoyPid: this.#envoy.pid,
      restarts: this.#application.restarts,
      envoyRestarts: this.#envoy.restarts,
      application: listenText(this.#application.listen),
      inbound: `127.0.0.1:${this.#inboundPort}`,
      outbound: `127.0.0.1:${this.outboundPort}`,
      adminSocket: this.#run.adminSocket(this.name),
      log: this.#appLog.path,
      envoyLog: this.#envoyLog.path,
    };
  }

  /** Starts the application, then watches its health until it is stopped. */
  async startApplication(): Promise<void> {
    this.#probing = this.#probe();
    await this.#application.start();
  }

  /** Keeps its application from running until it is released; `reason` says why. */
  withhold(reason: string): Promise<void> {
    return this.#application.withhold(reason);
  }

  /** Lets a process that somebody else starts be its application, once its own has ended. */
  lend(): void {
    this.#application.lend();
  }

  /** Ends the loan. `withheld`: why its own application does not run either; else it starts again. */
  takeBack(withheld?: string): void {
    this.#application.takeBack(withheld);
  }

  /** Starts the Envoy; the control plane must have written its root before. */
  startEnvoy(): Promise<void> {
    return this.#envoy.start();
  }

  /**
   * Replaces its process without a failed call: starts the new one beside the old one, moves the calls when it serves, and ends the
   * old one when its calls have ended (not awaited). Rejects with the reason in a few words when the new one does not serve, or
   * `signal` is aborted before it does; the old one goes on serving then. Resolves with false where the process is somebody else's
   * to start: only the contract is another one then.
   */
  replace(version: ReplicaVersion, signal: AbortSignal): Promise<boolean> {
    const replacing = this.#replace(version, signal);
    this.#replacing = replacing.catch(() => undefined);
    return replacing;
  }

  async #replace({ service, contract }: ReplicaVersion, signal: AbortSignal): Promise<boolean> {
    if (this.#application.held) {
      this.#contract = contract;
      this.#publish();
      return false;
    }
    const old = { application: this.#application, service: this.#service, contract: this.#contract };
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    const listen = await newListenAddress(this.#run, service, this.name, this.#generations++);
    const application = this.#newApplication(service, listen, this.#appLog.beside());
    await application.tryOut(startMs, either);
    this.#applications.add(application);
    this.#application = application;
    this.#service = service;
    this.#contract = contract;
    this.#changed();
    const traffic = { adminSocket: this.#run.adminSocket(this.name), port: this.#inboundPort };
    if (this.#envoy.pid !== undefined && !(await moved(traffic, application.listen, this.#stopped.signal))) {
      this.#application = old.application;
      this.#service = old.service;
      this.#contract = old.contract;
      this.#changed();
      await this.#retire(application);
      throw new Error('its Envoy was not told of the new process in time; is the control plane running?');
    }
    void drained(traffic, this.#stopped.signal).then(() => this.#retire(old.application));
    return true;
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
    await this.#replacing;
    await Promise.all([...this.#applications].map((application) => application.stop(signal)));
    await this.#envoy.stop(envoyStopMs);
    await this.#probing;
    rmSync(join(this.#run.state.tokens, this.service.namespace, this.name), { force: true });
    releasePort(this.#inboundPort);
    releasePort(this.outboundPort);
    this.#appLog.close();
    this.#envoyLog.close();
  }

  async #retire(application: Application): Promise<void> {
    await application.retire();
    this.#applications.delete(application);
  }

  #newApplication(service: ServiceManifest, listen: ListenAddress, log: ProcessLog): Application {
    const application: Application = new Application({
      run: this.#run,
      service,
      name: this.name,
      listen,
      outboundPort: this.outboundPort,
      databaseEnv: this.#databaseEnv,
      log,
      changed: () => {
        if (application === this.#application) this.#changed();
      },
    });
    return application;
  }

  /** Follows its Envoy. */
  async #probe(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const envoy = this.#envoy.pid;
      if (envoy !== undefined && this.#envoyReason !== '') {
        const missing = await missingConfiguration(this.#run.adminSocket(this.name), this.#inboundPort);
        if (envoy === this.#envoy.pid) this.#updateEnvoy(missing && `its Envoy ${missing}`);
      }
      await sleep(this.ready ? probeIntervalMs : firstProbeIntervalMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #updateEnvoy(reason: string): void {
    if (reason === this.#envoyReason) return;
    this.#envoyReason = reason;
    this.#changed();
  }

  #changed(): void {
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
      inbound: [{ listen: `127.0.0.1:${this.#inboundPort}`, application: listenText(this.#application.listen) }],
      outbound: `127.0.0.1:${this.outboundPort}`,
      ready: reason === '',
      reason,
    };
    this.#run.mesh.writeWorkload(manifest);
  }
}
