import { Graph, type Source } from '@weft/collections';
import { factSources } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import type { Mesh } from '@weft/compiler/model/mesh';
import type { Override } from '@weft/compiler/model/override';
import type { Service } from '@weft/compiler/model/service';
import type { Workload } from '@weft/compiler/model/workload';
import { type MeshTurn, meshTurn } from './mesh-turn.ts';

/**
 * Turns whole facts, and the mesh that was assembled of them, into what changed: for a source and a compiler that know no turns. It
 * walks everything.
 */
export class WholeMesh {
  readonly #graph = new Graph();
  readonly #facts = factSources(this.#graph);
  readonly #services: Source<Service> = this.#graph.source('model services');
  readonly #workloads: Source<Workload> = this.#graph.source('model workloads');
  readonly #overrides: Source<Override> = this.#graph.source('overrides');
  readonly #shared: Source<unknown> = this.#graph.source('shared');

  /** Makes these all that there is. */
  take(facts: Facts, mesh: Mesh): MeshTurn {
    const { settings, gateways, externalServices, identities, sharedIdentities } = mesh;
    const turn = this.#graph.turn(() => {
      this.#facts.replace(facts);
      this.#services.replace(mesh.services);
      this.#workloads.replace(mesh.workloads);
      this.#overrides.replace(mesh.overrides.map((override) => [override.id, override]));
      this.#shared.replace([
        ['settings', settings],
        ['gateways', new Map(gateways)],
        ['external services', externalServices],
        ['identities', new Map(identities)],
        ['shared identities', new Map(sharedIdentities)],
      ]);
    });
    return meshTurn(turn, this.#facts.facts, {
      services: this.#services,
      workloads: this.#workloads,
      overrides: this.#overrides,
      shared: [this.#shared],
    });
  }
}
