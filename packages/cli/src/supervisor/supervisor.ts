import { EventEmitter, once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { didYouMean } from '@weft/compiler/model/did-you-mean';
import { findEnvoy } from '@weft/dev-envoy';
import { CommandError, reasonOf } from '../command-error.ts';
import { contractCalls } from '../mesh/contract-calls.ts';
import { endpointsTaken, notInSync } from '../mesh/in-sync.ts';
import { gatewayYaml, meshConfigYaml, packageOwnership, serviceYaml, tracingEndpoint } from '../mesh/manifests.ts';
import { MeshDirectory } from '../mesh/mesh-directory.ts';
import type { Project } from '../project.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import { createStateDirectory, type StateDirectory } from '../state-directory.ts';
import type { Progress, Step } from '../terminal/progress.ts';
import { ControlPlaneProcess } from './control-plane-process.ts';
import { Database } from './database.ts';
import { Edge, edgeNamespace } from './edge.ts';
import { baseEnvironment } from './environment.ts';
import { freePort } from './free-port.ts';
import type { Logs } from './logs.ts';
import { adminSocketPath, type MeshRun } from './mesh-run.ts';
import { brokenPath, type ContractedService } from './order-path.ts';
import { ProcessRecords } from './process-records.ts';
import { Replica, type ReplicaVersion } from './replica.ts';

/** How long callers may take to let go of a replica that goes away. */
const settleMs = 3_000;

/** What to run, and where. */
export interface SupervisorOptions {
  readonly project: Project;
  readonly state: StateDirectory;
  readonly services: readonly ServiceManifest[];
  /** The edge's port on 127.0.0.1. */
  readonly port: number;
  readonly progress: Progress;
  readonly logs: Logs;
  readonly report: (sentence: string) => void;
}

/** One service as it runs now. */
interface RunningService extends ContractedService {
  contract: string | undefined;
  databaseEnv: Readonly<Record<string, string>>;
  readonly replicas: Replica[];
  /** Scaling one service twice at once would choose the same names. */
  scaling: Promise<void>;
}

/** Runs a whole mesh on this machine: PostgreSQL, the control plane, each replica with its Envoy, and the edge. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #run: MeshRun;
  readonly #services: RunningService[];
  readonly #controlPlane: ControlPlaneProcess;
  readonly #database: Database;
  readonly #edge: Edge;
  readonly #changes = new EventEmitter();
  readonly #stopping = new AbortController();

  /** Prepares the state and mesh directories; starts nothing. */
  static async create(options: SupervisorOptions): Promise<Supervisor> {
    createStateDirectory(options.state);
    const { state, project } = options;
    const changes = new EventEmitter();
    let envoy: Promise<string> | undefined;
    const run: MeshRun = {
      state,
      mesh: new MeshDirectory(state.mesh),
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
    this.#changes = changes;
    this.#changes.setMaxListeners(0);
    this.#database = database;
    const { project, services, port } = options;
    const tracing = tracingEndpoint(process.env.OTEL_EXPORTER_OTLP_ENDPOINT);
    const packages = [...packageOwnership(services), { namespace: edgeNamespace, protoPackage: 'edge' }];
    run.mesh.write('mesh.yaml', meshConfigYaml(packages, tracing));
    run.mesh.write('edge.yaml', gatewayYaml());
    this.#services = services.map((service) => {
      run.mesh.write(`services/${service.namespace}.${service.name}.yaml`, serviceYaml(service));
      return {
        ...contractOf(run, project, service),
        service,
        replicas: [],
        databaseEnv: {},
        scaling: Promise.resolve(),
      };
    });
    this.#controlPlane = new ControlPlaneProcess(run, project);
    this.#edge = new Edge(run, port);
  }

  /** What the supervisor knows and the control plane does not. */
  facts() {
    return {
      pid: process.pid,
      mesh: this.#run.mesh.path,
      processes: [this.#controlPlane.facts, this.#database.facts],
      replicas: [this.#edge.facts, ...this.#replicas.map((replica) => replica.facts)],
    };
  }

  /** Ends a process for a while, to see what the mesh does without it: "control-plane" or "postgres". */
  hold(name: string): Promise<void> {
    return this.#process(name).hold();
  }

  /** Ends the hold; the process starts again by itself. */
  release(name: string): void {
    this.#process(name).release();
  }

  #process(name: string): ControlPlaneProcess | Database {
    const found = [this.#controlPlane, this.#database].find(({ facts }) => facts.name === name);
    if (!found) throw new CommandError(`No process is called ${name}; there are control-plane and postgres.`);
    return found;
  }

  get #replicas(): Replica[] {
    return this.#services.flatMap(({ replicas }) => replicas);
  }

  /** Starts everything, side by side where it can be, and resolves when an order can be placed. */
  async start(signal: AbortSignal): Promise<void> {
    const { progress } = this.#options;
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    for (const running of this.#services) {
      for (let index = 0; index < running.service.replicas; index++) await this.#addReplica(running);
    }
    const controlPlane = progress.step(
      'control plane',
      (step) => this.#controlPlane.start(either, (reason) => waitsFor(step, reason)),
      () => `xDS on ${this.#controlPlane.facts.listen}`,
    );
    const database = progress.step(
      'PostgreSQL',
      async (step) => {
        step.detail = 'the first start makes its data directory';
        await this.#database.start();
        await this.#provision();
      },
      () => this.#database.facts.listen,
    );
    const envoys = Promise.all([this.#run.envoy(), controlPlane]).then(() =>
      Promise.all([this.#edge.start(), ...this.#replicas.map((replica) => replica.startEnvoy())]),
    );
    const applications = database.then(() =>
      Promise.all(
        this.#services.map(({ service, replicas }) =>
          progress.step(service.name, async (step) => {
            await Promise.all(replicas.map((replica) => replica.startApplication()));
            await this.#until(either, step, () => replicas.find(({ ready }) => !ready)?.reason ?? '');
          }),
        ),
      ),
    );
    await Promise.all([controlPlane, database, envoys, applications]);
    await progress.step('every call that the contracts permit', (step) => this.#whenCallable(either, step));
  }

  /** Resolves with how many replicas a service has after it was given `count`, all of them ready. */
  async scale(name: string, count: number, signal: AbortSignal): Promise<void> {
    const running = this.#services.find(({ service }) => service.name === name);
    if (!running) {
      const names = this.#services.map(({ service }) => service.name);
      throw new CommandError(`No service is called ${name}.${didYouMean(name, names)} There are ${names.join(', ')}.`);
    }
    await this.#inTurn(running, () => this.#scale(running, count, signal));
  }

  /**
   * Replaces the process of one replica, or those of a service one after the other; no call fails. Resolves with the replicas' names.
   *
   * @throws CommandError when a new process does not serve; the old one goes on.
   */
  async restart(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const running = this.#services.find(
      ({ service, replicas }) => service.name === name || replicas.some((replica) => replica.name === name),
    );
    if (!running) {
      const names = this.#services.map(({ service }) => service.name);
      throw new CommandError(`No service or replica is called ${name}.${didYouMean(name, names)}`);
    }
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    return await this.#inTurn(running, async () => {
      const { service, contract, replicas } = running;
      const chosen = replicas.filter((replica) => service.name === name || replica.name === name);
      for (const replica of chosen) await replaceOrSay(replica, { service, contract }, either);
      return chosen.map((replica) => replica.name);
    });
  }

  /** Ends everything in order: the edge, the services (which nobody calls then), the control plane, PostgreSQL. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#edge.stop();
    await Promise.all(this.#replicas.map((replica) => replica.stop('SIGINT')));
    await this.#controlPlane.stop();
    await this.#database.stop();
  }

  /** Runs `work` after what is being done with a service's replicas. */
  async #inTurn<T>(running: RunningService, work: () => Promise<T>): Promise<T> {
    const done = running.scaling.then(work);
    running.scaling = done.then(
      () => undefined,
      () => undefined,
    );
    return await done;
  }

  async #scale(running: RunningService, count: number, signal: AbortSignal): Promise<void> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    const added: Replica[] = [];
    while (running.replicas.length < count) added.push(await this.#addReplica(running));
    await Promise.all(added.flatMap((replica) => [replica.startApplication(), replica.startEnvoy()]));
    const removed = running.replicas.splice(count);
    await Promise.all(removed.map((replica) => replica.leave(() => this.#settle(replica, running))));
    await this.#until(
      either,
      { name: '', startedAt: 0 },
      () => running.replicas.find(({ ready }) => !ready)?.reason ?? '',
    );
    const names = running.replicas.map((replica) => `${replica.service.namespace}/${replica.name}`);
    await this.#poll(either, { name: '', startedAt: 0 }, async () =>
      notInSync(await this.#controlPlane.status(), names),
    );
  }

  async #addReplica(running: RunningService): Promise<Replica> {
    const { service, contract, replicas } = running;
    const taken = new Set(replicas.map(({ name }) => name));
    let index = 0;
    while (taken.has(`${service.name}-${index}`)) index++;
    const replica = await Replica.create({
      run: this.#run,
      service,
      index,
      databaseEnv: () => running.databaseEnv,
      ...(contract ? { contract } : {}),
    });
    replicas.push(replica);
    return replica;
  }

  async #provision(): Promise<void> {
    await Promise.all(
      this.#services.map(async (running) => {
        const schema = running.service.schema;
        if (schema) running.databaseEnv = await this.#database.provision(schema);
      }),
    );
  }

  /** Waits until no proxy holds the endpoints of a replica that goes away, or for a short while. */
  async #settle(replica: Replica, { service }: RunningService): Promise<void> {
    const end = Date.now() + settleMs;
    while (Date.now() < end) {
      try {
        const status = await this.#controlPlane.status();
        const known = status.workloads.find(
          ({ namespace, name }) => namespace === service.namespace && name === replica.name,
        );
        if (known?.ready !== true && endpointsTaken(status)) return;
      } catch {
        // Without a control plane nobody can be told; the calls that still come are served while it drains.
      }
      await sleep(50);
    }
  }

  async #whenCallable(signal: AbortSignal, step: Step): Promise<void> {
    const names = this.#replicas.map((replica) => `${replica.service.namespace}/${replica.name}`);
    await this.#until(signal, step, () => (this.#edge.reason ? `the edge: ${this.#edge.reason}` : ''));
    await this.#poll(signal, step, async () =>
      notInSync(await this.#controlPlane.status(), [...names, this.#edge.workload]),
    );
    await this.#poll(signal, step, () => brokenPath(this.#services, this.#replicas, this.#edge.port));
  }

  /** Waits for a change after which `reason` is empty. */
  async #until(signal: AbortSignal, step: Step, reason: () => string): Promise<void> {
    for (;;) {
      const text = reason();
      if (text === '') return;
      waitsFor(step, text);
      await once(this.#changes, 'change', { signal });
    }
  }

  /** Asks until `reason` is empty. */
  async #poll(signal: AbortSignal, step: Step, reason: () => Promise<string>): Promise<void> {
    for (;;) {
      const text = await reason().catch(reasonOf);
      if (text === '') return;
      waitsFor(step, text);
      await sleep(50, undefined, { signal });
    }
  }
}

/** @throws CommandError that says what goes on running. */
async function replaceOrSay(replica: Replica, version: ReplicaVersion, signal: AbortSignal): Promise<void> {
  try {
    await replica.replace(version, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new CommandError(
      `The new process of ${replica.name} does not serve, so the old one goes on: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

function waitsFor(step: Step, reason: string): void {
  step.detail = reason;
}

function findEnvoyForStep(step: Step): ReturnType<typeof findEnvoy> {
  return findEnvoy({ log: (line) => waitsFor(step, line) });
}

function contractOf(
  run: MeshRun,
  project: Project,
  service: ServiceManifest,
): Pick<RunningService, 'contract' | 'calls'> {
  if (!service.contract) return { contract: undefined, calls: [] };
  const file = join(project.descriptorsDir, `${service.contract}.binpb`);
  const contract = run.mesh.publishContract(service.namespace, file);
  if (contract === undefined) {
    throw new CommandError(`There is no contract ${service.contract} for ${service.name}; run \`make generate\`.`);
  }
  return { contract, calls: contractCalls(readFileSync(file), service.contract) };
}
