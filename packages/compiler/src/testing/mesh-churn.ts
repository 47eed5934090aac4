import { Graph } from '@weft/collections';
import { contractHash } from '../contracts/contract-hash.ts';
import { defaultSettings } from '../facts/default-settings.ts';
import { type FactSources, factSources } from '../facts/fact-collections.ts';
import type { Facts, Resource, ServiceFact } from '../facts/facts.ts';
import { MeshCompiler } from '../mesh-compiler.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { tinyContract } from './tiny-contract.ts';

/** How long each thing lives, in turns. */
const lifetime = 24;

/** Everything is new each time: names, addresses, accounts and contracts never return. */
export class MeshChurn {
  readonly graph = new Graph();
  readonly compiler: MeshCompiler;
  readonly #facts: FactSources;
  readonly #replace: (facts: Facts) => void;
  readonly #connected = new Set<WorkloadId>();
  #turns = 0;
  #events = 0;

  constructor() {
    const { facts, replace } = factSources(this.graph);
    this.#facts = facts;
    this.#replace = replace;
    this.compiler = new MeshCompiler(this.graph, facts);
    this.clear();
  }

  get turns(): number {
    return this.#turns;
  }

  /** Runs turns until so many more events have happened. */
  run(events: number): void {
    for (const end = this.#events + events; this.#events < end; this.#turns++) {
      this.compiler.turn(() => this.#turn(this.#turns), this.#turns * 1000);
    }
  }

  /** Everything goes. */
  clear(): void {
    this.compiler.turn(() => {
      this.#replace(this.#nothing);
      for (const id of this.#connected) this.compiler.disconnect(id);
    }, this.#turns * 1000);
  }

  get #nothing(): Facts {
    const packages = [{ namespace: 'bakery', protoPackage: 'bakery' }];
    const settings = { ...defaultSettings, zoneAware: true, packages };
    return {
      settings,
      services: [],
      workloads: [],
      contracts: [],
      gateways: [],
      externalServices: [],
      resources: [],
      problems: [],
    };
  }

  /** Every turn a pod comes and another goes, connected or not; every few turns something else does. */
  #turn(turn: number): void {
    const { services, workloads, contracts, resources } = this.#facts;
    const old = turn - lifetime;
    this.#count(2);
    workloads.set(`bakery/pod-${turn}`, pod(turn));
    workloads.delete(`bakery/pod-${old}`);
    if (turn % 2 === 0) {
      this.#count(2);
      this.#connect(`bakery/pod-${turn}`);
      this.#disconnect(`bakery/pod-${old}`);
    }
    switch (turn % 6) {
      case 0:
        this.#count(2);
        services.set(`bakery/service-${turn}`, service(turn));
        services.delete(`bakery/service-${old}`);
        return;
      case 1: {
        this.#count(2);
        const contract = contractOf(turn - 1);
        contracts.set(`bakery/${contract.hash}`, contract);
        contracts.delete(`bakery/${contractOf(old - 1).hash}`);
        return;
      }
      case 2:
        this.#count(2);
        resources.set(`policy-${turn}`, policy(turn - 2));
        resources.delete(`policy-${old}`);
        return;
      case 3:
        this.#count(2);
        resources.set(`override-${turn}`, override(turn - 3));
        resources.delete(`override-${old}`);
        return;
      case 4:
        this.#count(1);
        workloads.set(`bakery/pod-${turn - 1}`, { ...pod(turn - 1), ready: false, reason: `stops at ${turn}` });
    }
  }

  #count(events: number): void {
    this.#events += events;
  }

  #connect(id: WorkloadId): void {
    this.#connected.add(id);
    this.compiler.connect(id);
  }

  #disconnect(id: WorkloadId): void {
    this.#connected.delete(id);
    this.compiler.disconnect(id);
  }
}

/** The Service that a turn's things belong to: one of every six turns. */
function serviceOf(turn: number): string {
  return `service-${turn - (turn % 6)}`;
}

/** Counts the Services. */
function numberOf(turn: number): number {
  return Math.floor(turn / 6);
}

/** Every third one is headless, and every fifth one speaks TCP. */
function service(turn: number): ServiceFact {
  const name = serviceOf(turn);
  const headless = numberOf(turn) % 3 === 0;
  return {
    namespace: 'bakery',
    name,
    selector: { app: name },
    ports: [{ port: 80, targetPort: 8080, ...(numberOf(turn) % 5 === 0 ? {} : { appProtocol: 'grpc' }) }],
    addresses: headless ? [] : [address(10, turn)],
    headless,
    origin: `Service bakery/${name}`,
  };
}

function pod(turn: number): Workload {
  const name = serviceOf(turn);
  return {
    id: `bakery/pod-${turn}`,
    namespace: 'bakery',
    name: `pod-${turn}`,
    labels: { app: name },
    serviceAccount: name,
    spiffeId: `spiffe://weft.local/ns/bakery/sa/${name}`,
    // Every other Service has a contract.
    ...(numberOf(turn) % 2 === 0 ? { contractHash: contractOf(turn).hash } : {}),
    inbound: [],
    pod: { addresses: [address(11, turn)], interception: 'redirect', portNames: {} },
    ready: true,
    locality: { zone: `zone-${turn % 3}` },
  };
}

function contractOf(turn: number) {
  const name = `bakery.service_${turn - (turn % 6)}`;
  const others = (distance: number) => [`bakery.service_${turn - (turn % 6) + distance}`];
  const descriptorSet = tinyContract(name, { Get: {} }, { callers: others(12), calls: others(-12) });
  return {
    namespace: 'bakery',
    hash: contractHash(descriptorSet),
    descriptorSet,
    origin: `contracts/bakery/${name}.binpb`,
  };
}

function policy(turn: number): Resource {
  // A Service without a contract stays open to its namespace.
  const service = numberOf(turn) % 2 === 0 ? serviceOf(turn) : 'nobody';
  return resource('MeshPolicy', turn, { service, addCallers: [`bakery.caller_${turn}`] });
}

function override(turn: number): Resource {
  const expires = new Date((turn + 8) * 1000).toISOString();
  return resource('MeshOverride', turn, { service: serviceOf(turn), deny: [`bakery.caller_${turn}`], expires });
}

function resource(kind: string, turn: number, spec: object): Resource {
  const name = `${kind.toLowerCase()}-${turn}`;
  return { apiVersion: 'weft.dev/v1', kind, metadata: { namespace: 'bakery', name }, spec, origin: `${name}.yaml` };
}

function address(first: number, number: number): string {
  return `${first}.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
}
