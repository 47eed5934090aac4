import { CommandError, reasonOf } from '../command-error.ts';
import type { ContractCall } from '../mesh/contract-calls.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import type { MeshRun } from './mesh-run.ts';
import { Replica } from './replica.ts';

/** What a service runs: its manifest, and its contract if it has one. */
export interface ServiceVersion {
  readonly service: ServiceManifest;
  readonly contract: PublishedContract | undefined;
}

/** A published contract. */
export interface PublishedContract {
  /** Of its content. */
  readonly hash: string;
  readonly descriptorSet: Uint8Array;
  readonly calls: readonly ContractCall[];
}

/** One running service. */
export class RunningService {
  readonly replicas: Replica[] = [];
  /** The PostgreSQL settings of its processes; empty until it has a schema. */
  databaseEnv: Readonly<Record<string, string>> = {};
  /** What keeps its applications from starting, or undefined. */
  fault: string | undefined;
  /** Why somebody else starts its applications, or undefined. */
  withheld: string | undefined;
  /** Whether it joined a running mesh and has not served yet. */
  joining = false;
  /** The contract that its replicas are about to run. */
  coming: PublishedContract | undefined;
  readonly #run: MeshRun;
  #version: ServiceVersion;
  #busy: Promise<unknown> = Promise.resolve();

  constructor(run: MeshRun, version: ServiceVersion) {
    this.#run = run;
    this.#version = version;
  }

  /** What its replicas run; while they are being replaced, the previous version. */
  get version(): ServiceVersion {
    return this.#version;
  }

  get service(): ServiceManifest {
    return this.#version.service;
  }

  /** The hash of its contract, or undefined. */
  get contract(): string | undefined {
    return this.#version.contract?.hash;
  }

  /** The hashes of all contracts that any of its replicas runs or is about to run. */
  get contracts(): readonly string[] {
    const hashes = [this.contract, this.coming?.hash, ...this.replicas.map(({ contract }) => contract)];
    return hashes.filter((hash) => hash !== undefined);
  }

  get calls(): readonly ContractCall[] {
    return this.#version.contract?.calls ?? [];
  }

  /** Whether somebody else starts its processes. */
  get held(): boolean {
    return this.replicas.some(({ held }) => held);
  }

  /** Of its contract. */
  get descriptorSet(): Uint8Array | undefined {
    return this.#version.contract?.descriptorSet;
  }

  /** The reason of the first replica that takes no calls; empty if all do. */
  get reason(): string {
    return this.fault ?? this.replicas.find(({ ready }) => !ready)?.reason ?? '';
  }

  /** Whether one of its replicas takes no calls and will not soon. */
  get hopeless(): boolean {
    return this.replicas.some(({ hopeless }) => hopeless);
  }

  /** Runs `work` after any work in progress on its replicas, because two at once would choose the same names. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return await done;
  }

  /**
   * Replaces the processes of replicas with a new version, one after the other and without a failed call. The service has that version once
   * all of them serve.
   *
   * @throws CommandError if a new process does not serve; the old one keeps running.
   */
  async replace(
    version: ServiceVersion,
    signal: AbortSignal,
    replicas: readonly Replica[] = this.replicas,
  ): Promise<void> {
    const { service, contract } = version;
    for (const replica of [...replicas]) {
      try {
        await replica.replace({ service, contract: contract?.hash }, signal);
      } catch (error) {
        signal.throwIfAborted();
        const message = `The new process of ${replica.name} does not serve, so the old one stays: ${reasonOf(error)}`;
        throw new CommandError(message, { cause: error });
      }
    }
    this.#version = version;
  }

  /** Adds a replica with the first free number. Starts nothing. */
  async addReplica(): Promise<Replica> {
    const { service, contract } = this;
    const taken = new Set(this.replicas.map(({ name }) => name));
    let index = 0;
    while (taken.has(`${service.name}-${index}`)) index++;
    const replica = await Replica.create({
      run: this.#run,
      service,
      index,
      databaseEnv: () => this.databaseEnv,
      ...(contract === undefined ? {} : { contract }),
    });
    this.replicas.push(replica);
    return replica;
  }

  /** Starts the applications of these replicas, unless the service is withheld: then they wait. */
  async startApplications(replicas: readonly Replica[] = this.replicas): Promise<void> {
    const { withheld } = this;
    if (withheld !== undefined) await Promise.all(replicas.map((replica) => replica.withhold(withheld)));
    await Promise.all(replicas.map((replica) => replica.startApplication()));
  }
}
