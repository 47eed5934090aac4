import { Graph, type Source } from '@weft/collections';
import { retained } from '../contracts/retained-contracts.ts';
import type { Snapshot } from '../envoy/resource.ts';
import { factSources } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';
import { type Compiled, MeshCompiler } from '../mesh-compiler.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { Mesh, WorkloadId } from '../model/mesh.ts';
import type { Route } from '../model/route.ts';
import { assemble } from '../translation/assemble.ts';

/** A compiler that follows a mesh directory from one state to the next, with every proxy connected and told of all that it may call. */
export class DirectoryCompiler {
  readonly compiler: MeshCompiler;
  readonly #sources: ReturnType<typeof factSources>;
  readonly #routes: Source<Route>;
  /** What holds besides what the directory says, from the next update on. Default: nothing. */
  routes: readonly Route[] = [];
  #facts: Facts | undefined;
  #nowMs = 0;

  constructor(directory?: { readonly files: ReadonlyMap<string, Uint8Array> }) {
    const graph = new Graph();
    this.#sources = factSources(graph);
    this.#routes = graph.source<Route>('hand-filled routes');
    this.compiler = new MeshCompiler(graph, this.#sources.facts, [this.#routes]);
    if (directory) this.update(directory);
  }

  /** Live. */
  get mesh(): Mesh {
    return this.compiler.mesh;
  }

  /** The mesh of now, which stays as it is. */
  assembled(): Mesh {
    if (this.#facts === undefined) throw new Error('there is no mesh yet');
    return assemble(this.#facts, this.#nowMs);
  }

  /** Takes what the directory holds now. `nowMs`: epoch milliseconds. Default: 0. */
  update(directory: { readonly files: ReadonlyMap<string, Uint8Array> }, nowMs = 0): Compiled {
    return this.take(parseDirectory(directory.files), nowMs);
  }

  /** Makes these facts all that there is. `nowMs`: epoch milliseconds. Default: 0. */
  take(read: Facts, nowMs = 0): Compiled {
    const facts = this.#facts ? retained(this.#facts, read) : read;
    const gone = this.#facts?.workloads ?? [];
    this.#facts = facts;
    this.#nowMs = nowMs;
    const { changes, ...compiled } = this.compiler.turn(() => {
      this.#sources.replace(facts);
      this.#routes.replace(this.routes.map((route, at) => [`route ${String(at).padStart(4, '0')}`, route]));
      for (const { id } of gone) this.compiler.disconnect(id);
      for (const { id } of facts.workloads) this.compiler.connect(id);
    }, nowMs);
    return { ...compiled, changes: [...changes, ...this.#seeAllCalls()] };
  }

  /** Every application was seen to call all that it may. */
  #seeAllCalls(): Compiled['changes'] {
    const { compiler } = this;
    const services = [...compiler.mesh.services.keys()];
    const { changes } = compiler.turn(() => {
      for (const id of compiler.mesh.workloads.keys()) {
        const key = compiler.callsKey(id);
        if (key !== undefined) compiler.setSeenCalls(key, services);
      }
    }, this.#nowMs);
    return changes;
  }

  snapshot(id: WorkloadId): Snapshot | undefined {
    return this.compiler.snapshot(id);
  }
}
