import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import type { RunningEnvoy } from '@weft/dev-envoy';
import { freePorts } from './free-ports.ts';
import { type RawApplication, startRawApplication } from './raw-application.ts';
import { RawCaller } from './raw-call.ts';
import { type MeshOptions, type RunningMesh, runMesh } from './running-mesh.ts';

/** A replica of a service of the namespace "bakery", its application without any library, and its Envoy. */
export interface RunningReplica {
  readonly application: RawApplication;
  readonly envoy: RunningEnvoy;
  /** Calls as its application makes them. */
  readonly caller: RawCaller;
  /** The address that `caller` calls. */
  readonly outbound: string;
}

/** A mesh of raw applications behind real Envoys, which can change while it runs. */
export interface RunningBakery {
  readonly mesh: RunningMesh;
  readonly directory: MeshDirectory;
  /** The mesh of the directory as it was when `apply` was called last. */
  readonly assembled: () => Mesh;
  replica(name: string): RunningReplica;
  /** The edge's Envoy and its address. */
  readonly edge: { readonly envoy: RunningEnvoy; readonly address: string } | undefined;
  /** Publishes another contract of a service and has these replicas run it, all of its own by default. */
  publish(service: string, set: Uint8Array, replicas?: readonly string[]): void;
  /** Says whether a replica takes calls; all do at first. */
  ready(name: string, ready: boolean): void;
  /** Delivers the directory as it is now, and resolves when all Envoys have it. */
  apply(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts one replica, or as many as `replicas` says, of each service: "leaf" is "bakery.leaf", its replicas "leaf-0", "leaf-1". */
export async function runBakery(
  contracts: Readonly<Record<string, Uint8Array>>,
  options: {
    readonly replicas?: Readonly<Record<string, number>>;
    readonly edge?: boolean;
    /** Of the MeshConfig. */
    readonly settings?: object;
    /** Of replicas, by their names. */
    readonly zones?: Readonly<Record<string, string>>;
    /** Service accounts of replicas, by their names; default: the service's name. */
    readonly accounts?: Readonly<Record<string, string>>;
    /** Ways in which the mesh differs from one in a cluster. */
    readonly mesh?: MeshOptions;
  } = {},
): Promise<RunningBakery> {
  const mesh = await runMesh(options.mesh);
  const directory = new MeshDirectory(options.settings);
  const names = Object.keys(contracts).flatMap((service) =>
    Array.from({ length: options.replicas?.[service] ?? 1 }, (_, index) => `${service}-${index}`),
  );
  const ports = await freePorts(2 * names.length + 1);
  const address = (index: number) => `127.0.0.1:${ports[index]}`;
  const serviceOf = (name: string) => name.replace(/-[0-9]+$/, '');
  const running = new Map<string, { readonly contract: string; readonly ready: boolean }>();
  const run = (name: string, state: { readonly contract: string; readonly ready: boolean }) => {
    running.set(name, state);
    const index = names.indexOf(name);
    directory.replica(name, {
      ...state,
      inbound: address(2 * index),
      application: `unix:${mesh.dir}/${name}.app`,
      outbound: address(2 * index + 1),
      ...(options.zones?.[name] === undefined ? {} : { zone: options.zones[name] }),
      ...(options.accounts?.[name] === undefined ? {} : { account: options.accounts[name] }),
    });
  };
  const publish: RunningBakery['publish'] = (service, set, replicas) => {
    directory.contract('bakery', `${service}.${contractHash(set)}`, set);
    for (const name of replicas ?? names.filter((name) => serviceOf(name) === service)) {
      run(name, { contract: contractHash(set), ready: running.get(name)?.ready ?? true });
    }
  };
  for (const [service, set] of Object.entries(contracts)) {
    directory.service(service);
    publish(service, set);
  }
  const edgeAddress = address(2 * names.length);
  if (options.edge) directory.edge(edgeAddress);
  const apply = () => mesh.update(directory);
  const replicas = new Map<string, RunningReplica>();
  const applications: RawApplication[] = [];
  const stop = async () => {
    for (const { caller } of replicas.values()) caller.close();
    await Promise.all(applications.map((application) => application.away()));
    await mesh.stop();
  };
  const start = (id: WorkloadId) => mesh.startProxy(id);
  let edge: RunningBakery['edge'];
  try {
    await apply();
    for (const [index, name] of names.entries()) {
      const outbound = address(2 * index + 1);
      const application = await startRawApplication(`${mesh.dir}/${name}.app`);
      applications.push(application);
      replicas.set(name, {
        application,
        envoy: await start(`bakery/${name}`),
        caller: new RawCaller(outbound),
        outbound,
      });
    }
    if (options.edge) edge = { envoy: await start('weft/edge-0'), address: edgeAddress };
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    mesh,
    directory,
    assembled: () => mesh.compiler.assembled(),
    replica(name) {
      const found = replicas.get(name);
      if (found === undefined) throw new Error(`no replica is ${name}; there are ${[...replicas.keys()].join(', ')}`);
      return found;
    },
    edge,
    publish,
    ready(name, ready) {
      run(name, { contract: running.get(name)?.contract ?? '', ready });
    },
    apply,
    stop,
  };
}

/** The value of one of Envoy's counters; 0 while it is not there. */
export async function counter(envoy: RunningEnvoy, name: string): Promise<number> {
  const lines = (await envoy.admin('/stats')).split('\n');
  const line = lines.find((line) => line.startsWith(`${name}: `));
  return line === undefined ? 0 : Number(line.slice(name.length + 2));
}
