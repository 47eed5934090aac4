import { Graph } from '@weft/collections';
import type { Snapshot } from '../envoy/resource.ts';
import { factSources } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';
import { type Compiled, MeshCompiler } from '../mesh-compiler.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { Mesh, WorkloadId } from '../model/mesh.ts';
import type { MeshDirectory } from './mesh-directory.ts';

/** A compiler that follows a mesh directory from one state to the next, with every proxy connected. */
export class DirectoryCompiler {
  readonly compiler: MeshCompiler;
  readonly #sources: ReturnType<typeof factSources>;

  constructor(directory?: Pick<MeshDirectory, 'files'>) {
    const graph = new Graph();
    this.#sources = factSources(graph);
    this.compiler = new MeshCompiler(graph, this.#sources.facts);
    if (directory) this.update(directory);
  }

  /** Live. */
  get mesh(): Mesh {
    return this.compiler.mesh;
  }

  /** Takes what the directory holds now. `nowMs`: epoch milliseconds. Default: 0. */
  update(directory: Pick<MeshDirectory, 'files'>, nowMs = 0): Compiled {
    return this.take(parseDirectory(directory.files), nowMs);
  }

  /** Makes these facts all that there is. `nowMs`: epoch milliseconds. Default: 0. */
  take(facts: Facts, nowMs = 0): Compiled {
    return this.compiler.turn(() => {
      this.#sources.replace(facts);
      for (const id of this.mesh.workloads.keys()) this.compiler.disconnect(id);
      for (const { id } of facts.workloads) this.compiler.connect(id);
    }, nowMs);
  }

  snapshot(id: WorkloadId): Snapshot | undefined {
    return this.compiler.snapshot(id);
  }
}
