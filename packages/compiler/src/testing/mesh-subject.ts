import { Graph } from '@weft/collections';
import { type FactSources, factSources } from '../facts/fact-collections.ts';
import { type Compiled, MeshCompiler } from '../mesh-compiler.ts';
import type { WorkloadId } from '../model/mesh.ts';
import type { FactEvent, MeshEvent } from './random-mesh.ts';

/** A compiler and its facts, changed by events. */
export class MeshSubject {
  readonly graph: Graph;
  readonly compiler: MeshCompiler;
  readonly #facts: FactSources;
  readonly #connected = new Set<WorkloadId>();

  constructor(graph = new Graph()) {
    this.graph = graph;
    this.#facts = factSources(this.graph).facts;
    this.compiler = new MeshCompiler(this.graph, this.#facts);
  }

  /** Proxies that are connected, whether or not there is a workload of that name. */
  get connected(): ReadonlySet<WorkloadId> {
    return this.#connected;
  }

  turn(events: readonly MeshEvent[], nowMs: number): Compiled {
    return this.compiler.turn(() => {
      for (const event of events) this.#apply(event);
    }, nowMs);
  }

  /** Everything that the compiler shows, as plain values: what two compilers of the same facts must agree on. */
  shown(): object {
    const { mesh } = this.compiler;
    return {
      ...mesh,
      services: [...mesh.services],
      workloads: [...mesh.workloads],
      gateways: [...mesh.gateways],
      contracts: [...mesh.contracts],
      identities: [...mesh.identities],
      sharedIdentities: [...mesh.sharedIdentities],
      failures: this.compiler.failures(),
      proxies: [...this.versions()],
    };
  }

  /** By connected proxy: type and name to version, in order. */
  versions(): ReadonlyMap<WorkloadId, ReadonlyMap<string, string>> {
    const found = new Map<WorkloadId, ReadonlyMap<string, string>>();
    for (const id of [...this.#connected].sort()) {
      const snapshot = this.compiler.snapshot(id);
      if (snapshot === undefined) continue;
      const versions = new Map<string, string>();
      for (const [typeUrl, resources] of snapshot) {
        for (const [name, { version }] of resources) versions.set(`${typeUrl} ${name}`, version);
      }
      found.set(id, versions);
    }
    return found;
  }

  #apply(event: MeshEvent): void {
    if (event.of !== 'connections') {
      set(this.#facts, event);
      return;
    }
    if (event.value) {
      this.#connected.add(event.key);
      this.compiler.connect(event.key);
    } else {
      this.#connected.delete(event.key);
      this.compiler.disconnect(event.key);
    }
  }
}

function set<C extends keyof FactSources>(facts: FactSources, event: Extract<FactEvent, { of: C }>): void {
  const source = facts[event.of];
  if (event.value === undefined) source.delete(event.key);
  // An event has a value of the collection that it names.
  else (source as { set(key: string, value: unknown): void }).set(event.key, event.value);
}
