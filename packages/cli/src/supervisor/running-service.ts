import type { ContractCall } from '../mesh/contract-calls.ts';
import type { ServiceManifest } from '../service-manifest.ts';
import type { MeshRun } from './mesh-run.ts';
import { Replica } from './replica.ts';

/** A contract that is in the mesh directory. */
export interface PublishedContract {
  readonly hash: string;
  readonly descriptorSet: Uint8Array;
  readonly calls: readonly ContractCall[];
}

/** One service as it runs now. */
export class RunningService {
  readonly service: ServiceManifest;
  /** The hash of its contract; undefined without one. */
  readonly contract: string | undefined;
  readonly calls: readonly ContractCall[];
  /** Of its contract. */
  readonly descriptorSet: Uint8Array | undefined;
  readonly replicas: Replica[] = [];
  /** How its processes connect to PostgreSQL; empty until it has a schema there. */
  databaseEnv: Readonly<Record<string, string>> = {};
  /** What keeps its applications from being started; undefined when nothing does. */
  fault: string | undefined;
  /** Why its applications are left to somebody else; undefined when they are not. */
  withheld: string | undefined;
  /** Scaling one service twice at once would choose the same names. */
  scaling: Promise<void> = Promise.resolve();
  readonly #run: MeshRun;

  constructor(run: MeshRun, service: ServiceManifest, contract: PublishedContract | undefined) {
    this.#run = run;
    this.service = service;
    this.contract = contract?.hash;
    this.calls = contract?.calls ?? [];
    this.descriptorSet = contract?.descriptorSet;
  }

  /** Why not all of its replicas take calls, in the words of the first that does not; empty when all do. */
  get reason(): string {
    return this.fault ?? this.replicas.find(({ ready }) => !ready)?.reason ?? '';
  }

  /** One of its replicas takes no calls and will not soon. */
  get hopeless(): boolean {
    return this.replicas.some(({ hopeless }) => hopeless);
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
