import { EventEmitter } from 'node:events';
import { findEnvoy } from '@weft/dev-envoy';
import { CommandError, reasonOf } from '../command-error.ts';
import { notInSync } from '../mesh/in-sync.ts';
import { gatewayYaml } from '../mesh/manifests.ts';
import { MeshDirectory } from '../mesh/mesh-directory.ts';
import type { Project } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { createStateDirectory, fullDisk, isDiskFull, type StateDirectory } from '../state-directory.ts';
import type { Progress, Step } from '../terminal/progress.ts';
import { suggestions } from '../welcome.ts';
import { AwaitedReason } from './awaited-reason.ts';
import { callersLetGo } from './callers-let-go.ts';
import { ControlPlaneProcess } from './control-plane-process.ts';
import { Database } from './database.ts';
import { Edge } from './edge.ts';
import { baseEnvironment } from './environment.ts';
import { freePort } from './free-port.ts';
import { type Loan, lendService } from './loan.ts';
import type { Logs } from './logs.ts';
import { adminSocketPath, type MeshRun } from './mesh-run.ts';
import { Patience } from './patience.ts';
import { brokenPath } from './permitted-calls.ts';
import { ProcessRecords } from './process-records.ts';
import type { Replica } from './replica.ts';
import type { RunningService } from './running-service.ts';
import { RunningServices } from './running-services.ts';
import type { Trouble } from './trouble.ts';

/** What to run, and where. */
export interface SupervisorOptions {
  readonly project: Project;
  readonly state: StateDirectory;
  readonly services: readonly ServiceManifest[];
  /** What is left out, and why. */
  readonly problems: readonly Trouble[];
  /** Services in the mesh whose processes are not started. */
  readonly except: ReadonlySet<string>;
  /** The edge's port on 127.0.0.1. */
  readonly port: number;
  /** How long a service may take to serve, and calls to succeed, once their proxies run. */
  readonly waitMs: number;
  readonly progress: Progress;
  readonly logs: Logs;
  readonly report: (sentence: string) => void;
}

/** Runs a whole mesh on this machine: PostgreSQL if a service needs it, the control plane, each replica with its Envoy, the edge. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #run: MeshRun;
  readonly #services: RunningServices;
  readonly #controlPlane: ControlPlaneProcess;
  readonly #database: Database;
  readonly #edge: Edge;
  readonly #reasons: AwaitedReason;
  readonly #stopping = new AbortController();

  /** Prepares the state and mesh directories; starts nothing. */
  static async create(options: SupervisorOptions): Promise<Supervisor> {
    createStateDirectory(options.state);
    const { state, project } = options;
    const changes = new EventEmitter();
    let envoy: Promise<string> | undefined;
    const run: MeshRun = {
      state,
      mesh: new MeshDirectory(state.mesh, () => options.report(fullDisk(state.path))),
      logs: options.logs,
      records: new ProcessRecords(state.processes),
      env: baseEnvironment(project),
      envoy: () =>
        (envoy ??= options.progress.step('Envoy', findEnvoyForStep, ({ version }) => version).then((e) => e.path)),
      xdsPort: await freePort(),
      report: options.report,
      changed: () => changes.emit('change'),
      adminSocket: (replica) => adminSocketPath(state, replica),
    };
    return new Supervisor(options, run, changes, await Database.create(run));
  }

  private constructor(options: SupervisorOptions, run: MeshRun, changes: EventEmitter, database: Database) {
    this.#options = options;
    this.#run = run;
    changes.setMaxListeners(0);
    this.#reasons = new AwaitedReason(changes);
    this.#database = database;
    const { project, services, problems, except, port } = options;
    this.#services = new RunningServices(run, project, services, problems, except);
    run.mesh.write('edge.yaml', gatewayYaml());
    this.#controlPlane = new ControlPlaneProcess(run, project);
    this.#edge = new Edge(run, port);
  }

  /** What the supervisor knows and the control plane does not. */
  facts() {
    return {
      pid: process.pid,
      mesh: this.#run.mesh.path,
      troubles: [...this.troubles, ...this.#fullDisk],
      elsewhere: this.services.flatMap(({ namespace, name, elsewhere }) =>
        elsewhere ? [{ namespace, name, what: elsewhere.what }] : [],
      ),
      processes: this.#processes.map(({ facts }) => facts),
      replicas: [this.#edge.facts, ...this.#replicas.map((replica) => replica.facts)],
    };
  }

  /** Whether PostgreSQL was started. */
  get hasDatabase(): boolean {
    return this.#database.used;
  }

  /** Commands that call the running services. */
  get suggestions(): string[] {
    const running = this.#services.all.filter(({ reason }) => reason === '');
    return suggestions(running, this.#edge.port);
  }

  /** Names of the services without the service kit, as far as weft.yaml shows: those with a `command`. */
  get withoutConnect(): string[] {
    return (
      this.#services.all
        // An external service, such as a fake, may run the kit through a command.
        .filter(
          ({ reason, service }) => reason === '' && service.command !== undefined && service.elsewhere === undefined,
        )
        .map(({ service }) => service.name)
    );
  }

  /** What does not run: services that were left out, and services that take no calls. */
  get troubles(): readonly Trouble[] {
    return [
      ...this.#services.problems,
      ...this.#idle.map(({ service, reason }) => ({ subject: service.name, message: reason })),
    ];
  }

  /** The services that take no calls although their processes are the mesh's. */
  get #idle(): readonly RunningService[] {
    return this.#services.all.filter(({ reason, withheld }) => reason !== '' && withheld === undefined);
  }

  get #fullDisk(): readonly Trouble[] {
    const { state, mesh } = this.#run;
    if (!mesh.full && !isDiskFull(state)) return [];
    return [{ subject: 'disk', message: `${fullDisk(state.path)} Until then, changes and logs are not written.` }];
  }

  /** Stops a process for a while, to see what the mesh does without it: "control-plane" or "postgres". */
  hold(name: string): Promise<void> {
    return this.#process(name).hold();
  }

  /** Ends the hold; resolves when the process serves again. */
  release(name: string, signal: AbortSignal): Promise<void> {
    return this.#process(name).release(AbortSignal.any([signal, this.#stopping.signal]));
  }

  /** Lends the first replica of a service to a process that somebody else starts. */
  lend(name: string, command: readonly string[]): Promise<Loan> {
    const running = this.#services.get(name);
    return running.inTurn(() => lendService(running, command));
  }

  #process(name: string): ControlPlaneProcess | Database {
    const found = this.#processes.find(({ facts }) => facts.name === name);
    if (found) return found;
    const names = this.#processes.map(({ facts }) => facts.name).join(' and ');
    throw new CommandError(`No process is named ${name}; \`weft stop\` accepts ${names}.`);
  }

  get #processes(): (ControlPlaneProcess | Database)[] {
    return this.#database.used ? [this.#controlPlane, this.#database] : [this.#controlPlane];
  }

  get #replicas(): Replica[] {
    return this.#services.all.flatMap(({ replicas }) => replicas);
  }

  /**
   * Starts everything, in parallel if possible, and resolves when every call that the contracts permit between running services
   * succeeds. `troubles` names whatever does not start in time.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { progress, waitMs } = this.#options;
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    for (const running of this.#services.all) {
      const { replicas } = running.service;
      const count = running.withheld === undefined ? replicas : Math.min(1, replicas);
      for (let index = 0; index < count; index++) await running.addReplica();
    }
    const controlPlane = progress.step(
      'control plane',
      (step) =>
        this.#controlPlane.start(either, (reason) => {
          step.detail = reason;
        }),
      () => `xDS on ${this.#controlPlane.facts.listen}`,
    );
    const proxies = Promise.all([this.#run.envoy(), controlPlane]).then(async () => {
      await Promise.all([this.#edge.start(), ...this.#replicas.map((replica) => replica.startEnvoy())]);
    });
    const database = this.#startDatabase();
    const patience = new Patience(Promise.all([proxies, database]), waitMs, () => this.#run.changed());
    try {
      const services = Promise.all(this.#services.all.map((running) => this.#startService(running, either, patience)));
      await Promise.all([proxies, database, services]);
      await progress.step('every call that the contracts permit', (step) => this.#whenCallable(either, step));
    } finally {
      patience.end();
    }
  }

  /** Scales a service to `count` replicas. Resolves with their number when all are ready. */
  async scale(name: string, count: number, signal: AbortSignal): Promise<void> {
    const running = this.#services.get(name);
    await running.inTurn(() => this.#scale(running, count, signal));
  }

  /**
   * Replaces the process of one replica, or those of a service one after the other, without a failed call. Resolves with the replicas'
   * names.
   *
   * @throws CommandError if a new process does not serve; the old one keeps running.
   */
  async restart(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const owner = this.#services.all.find(({ replicas }) => replicas.some((replica) => replica.name === name));
    const running = owner ?? this.#services.get(name);
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    return await running.inTurn(async () => {
      if (running.held) {
        throw new CommandError(
          `The mesh does not run the process of ${running.service.name}, so it cannot restart it: ${running.reason}.`,
        );
      }
      const chosen = owner ? running.replicas.filter((replica) => replica.name === name) : running.replicas;
      await running.replace(running.version, either, chosen);
      if (chosen.length === running.replicas.length) this.#services.forget(running.service);
      return chosen.map((replica) => replica.name);
    });
  }

  /** The running services. */
  get services(): readonly ServiceManifest[] {
    return this.#services.all.map(({ service }) => service);
  }

  /**
   * Runs a service with this manifest, its last generated contract and its current code. A running service gets new processes without a
   * failed call; a new service joins. Resolves when it serves, or with "held" if somebody else starts its process.
   *
   * @throws CommandError if it does not serve; the previous version, if any, keeps running.
   */
  async put(service: ServiceManifest, signal: AbortSignal): Promise<'joined' | 'restarted' | 'held'> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    this.#services.forget(service);
    const running = this.#services.find(service.name);
    if (running && running.service.namespace === service.namespace) {
      return await running.inTurn(() => this.#change(running, service, either));
    }
    if (running) await this.remove(service.name);
    await this.#join(service, either);
    return 'joined';
  }

  /** Shows a trouble until another message or undefined takes its place. */
  note(subject: string, message: string | undefined): void {
    this.#services.note(subject, message);
  }

  /** Removes a service from the mesh: from its callers first, then its replicas. */
  async remove(name: string): Promise<void> {
    const running = this.#services.get(name);
    this.#services.forget(running.service);
    await running.inTurn(async () => {
      await this.#letGo(running, 0);
      this.#services.drop(running);
    });
  }

  /** Stops everything in order: the edge, the services (which then get no calls), the control plane, PostgreSQL. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#edge.stop();
    await Promise.all(this.#replicas.map((replica) => replica.stop('SIGINT')));
    await this.#controlPlane.stop();
    if (this.#database.used) await this.#database.stop();
  }

  async #change(
    running: RunningService,
    service: ServiceManifest,
    signal: AbortSignal,
  ): Promise<'joined' | 'restarted' | 'held'> {
    const before = running.service;
    const version = { service, contract: this.#services.contractOf(service) };
    running.coming = version.contract;
    try {
      if (service.schema !== before.schema) await this.#provision(running, service.schema);
      await running.replace(version, signal);
    } catch (error) {
      if (!signal.aborted) this.note(service.name, `its last edit does not run. ${reasonOf(error)}`);
      throw error;
    } finally {
      running.coming = undefined;
    }
    if (service.replicas !== before.replicas) await this.#scale(running, service.replicas, signal);
    this.#services.publish();
    if (running.held) return 'held';
    const what = running.joining ? 'joined' : 'restarted';
    running.joining = false;
    return what;
  }

  async #join(service: ServiceManifest, signal: AbortSignal): Promise<void> {
    const running = this.#services.add(service);
    running.joining = true;
    await running.inTurn(async () => {
      await this.#provision(running, service.schema);
      for (let index = 0; index < service.replicas; index++) await running.addReplica();
      await Promise.all([running.startApplications(), ...running.replicas.map((replica) => replica.startEnvoy())]);
    });
    if (running.withheld !== undefined) return;
    const failed = await this.#reasons.untilChanged(() => running.reason, { signal, isOver: () => running.hopeless });
    if (failed !== undefined) throw new CommandError(`${service.name} has joined, but takes no calls: ${failed}`);
    await this.#whenInSync(running, signal);
    running.joining = false;
  }

  async #scale(running: RunningService, count: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const added: Replica[] = [];
    while (running.replicas.length < count) added.push(await running.addReplica());
    await Promise.all([running.startApplications(added), ...added.map((replica) => replica.startEnvoy())]);
    await this.#letGo(running, count);
    await this.#reasons.untilChanged(() => running.reason, { signal: either });
    await this.#whenInSync(running, either);
  }

  /** Waits until the proxies of a service have the configuration that the control plane has for them. */
  async #whenInSync({ replicas }: RunningService, signal: AbortSignal): Promise<void> {
    const names = replicas.map((replica) => `${replica.service.namespace}/${replica.name}`);
    await this.#reasons.untilPolled(async () => notInSync(await this.#controlPlane.status(), names), { signal });
  }

  /** Removes all replicas except the first `count` from the mesh. */
  async #letGo(running: RunningService, count: number): Promise<void> {
    const { namespace } = running.service;
    const removed = running.replicas.splice(count);
    await Promise.all(
      removed.map((replica) =>
        replica.leave(() => callersLetGo(this.#controlPlane, { namespace, name: replica.name })),
      ),
    );
  }

  async #startDatabase(): Promise<void> {
    if (!this.#services.all.some(({ service }) => service.schema !== undefined)) return;
    await this.#options.progress.step(
      'PostgreSQL',
      async (step) => {
        step.detail = 'the first start creates its data directory';
        await this.#database.start();
        if (this.#database.hopeless) step.failed = this.#database.facts.reason;
      },
      () => this.#database.facts.listen,
    );
  }

  /** Starts the applications of a service and waits until they serve or are hopeless. */
  async #startService(running: RunningService, signal: AbortSignal, patience: Patience): Promise<void> {
    const { service } = running;
    await this.#options.progress.step(
      service.name,
      async (step) => {
        let started = false;
        const run = async (): Promise<void> => {
          await this.#provision(running, service.schema);
          await running.startApplications();
          started = true;
          this.#run.changed();
        };
        run().catch((error: unknown) => {
          running.fault = reasonOf(error);
          this.#run.changed();
        });
        const isUp = () => started && (running.withheld !== undefined || running.reason === '');
        const isHopeless = () => running.hopeless || (!started && this.#database.hopeless);
        step.failed = await this.#reasons.untilChanged(() => (isUp() ? '' : running.reason || 'it starts'), {
          signal,
          step,
          isOver: () => patience.isOver(isHopeless()),
        });
      },
      () => running.withheld ?? '',
    );
  }

  /** Creates the schema of a service as soon as PostgreSQL runs. */
  async #provision(running: RunningService, schema: string | undefined): Promise<void> {
    if (schema === undefined) {
      running.databaseEnv = {};
      return;
    }
    running.fault = 'it is waiting for PostgreSQL';
    if (!this.#database.used) await this.#database.start();
    await this.#database.firstUp;
    running.databaseEnv = await this.#database.provision(schema);
    running.fault = undefined;
  }

  async #whenCallable(signal: AbortSignal, step: Step): Promise<void> {
    const patience = new Patience(Promise.resolve(), this.#options.waitMs, () => this.#run.changed());
    const names = this.#replicas.map((replica) => `${replica.service.namespace}/${replica.name}`);
    const options = { signal, step, isOver: () => patience.isOver(false) };
    try {
      step.failed =
        (await this.#reasons.untilChanged(
          () => (this.#edge.reason ? `the edge: ${this.#edge.reason}` : ''),
          options,
        )) ??
        (await this.#reasons.untilPolled(
          async () => notInSync(await this.#controlPlane.status(), [...names, this.#edge.workload]),
          options,
        )) ??
        (await this.#reasons.untilPolled(
          () => brokenPath(this.#services.all, this.#replicas, this.#edge.port),
          options,
        ));
    } finally {
      patience.end();
    }
    if (step.failed !== undefined) this.#services.report({ subject: 'calls', message: step.failed });
    // Nobody has tried the calls of these. Each has its own trouble already.
    const idle = this.#idle.map(({ service }) => service.name);
    if (idle.length > 0) step.failed ??= `not those from or to ${idle.join(', ')}`;
  }
}

function findEnvoyForStep(step: Step): ReturnType<typeof findEnvoy> {
  return findEnvoy({
    log: (line) => {
      step.detail = line;
    },
  });
}
