import { CommandError, reasonOf } from '../command-error.ts';
import type { ContractCall } from '../mesh/contract-calls.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import type { MeshRun } from './mesh-run.ts';
import { Replica } from './replica.ts';

/** What a service runs: its manifest, and its contract where it has one. */
export interface ServiceVersion {
  readonly service: ServiceManifest;
  readonly contract: PublishedContract | undefined;
}

/** A contract that was given to the mesh. */
export interface PublishedContract {
  /** Of its content. */
  readonly hash: string;
  readonly descriptorSet: Uint8Array;
  readonly calls: readonly ContractCall[];
}

/** One service as it runs now. */
export class RunningService {
  readonly replicas: Replica[] = [];
  /** How its processes connect to PostgreSQL; empty until it has a schema there. */
  databaseEnv: Readonly<Record<string, string>> = {};
  /** What keeps its applications from being started; undefined when nothing does. */
  fault: string | undefined;
  /** Why its applications are left to somebody else; undefined when they are not. */
  withheld: string | undefined;
  /** It has joined a running mesh and did not serve yet. */
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

  /** What its replicas run; while they are being replaced, the version before. */
  get version(): ServiceVersion {
    return this.#version;
  }

  get service(): ServiceManifest {
    return this.#version.service;
  }

  /** The hash of its contract; undefined without one. */
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

  /** Its processes are somebody else's to start. */
  get held(): boolean {
    return this.replicas.some(({ held }) => held);
  }

  /** Of its contract. */
  get descriptorSet(): Uint8Array | undefined {
    return this.#version.contract?.descriptorSet;
  }

  /** Why not all of its replicas take calls, in the words of the first that does not; empty when all do. */
  get reason(): string {
    return this.fault ?? this.replicas.find(({ ready }) => !ready)?.reason ?? '';
  }

  /** One of its replicas takes no calls and will not soon. */
  get hopeless(): boolean {
    return this.replicas.some(({ hopeless }) => hopeless);
  }

  /** Does `work` after what is being done with its replicas: two at once would choose the same names. */
  async inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => undefined);
    return await done;
  }

  /**
   * Gives replicas new processes of a version, one after the other and without a failed call. The service is of that version when all of
   * them serve.
   *
   * @throws CommandError when a new process does not serve; the old one goes on.
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
        const message = `The new process of ${replica.name} does not serve, so the old one goes on: ${reasonOf(error)}`;
        throw new CommandError(message, { cause: error });
      }
    }
    this.#version = version;
  }

  /** Adds one more replica with the first free number; starts nothing. */
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
