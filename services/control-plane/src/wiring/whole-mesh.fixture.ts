import { Graph } from '@weft/collections';
import { factSources } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { translate } from '@weft/compiler/translation/translate';
import { type MeshTurn, meshTurn, modelCollections } from './mesh-turn.ts';

/** Whole facts as the turns that make them the facts of now. For tests. */
export class WholeMesh {
  readonly #graph = new Graph();
  readonly #sources = factSources(this.#graph);
  readonly #translation = translate(this.#graph, this.#sources.facts, this.#graph.source<number>('clock'));

  /** Makes these all that there is. */
  take(facts: Facts): MeshTurn {
    const turn = this.#graph.turn(() => this.#sources.replace(facts));
    return meshTurn(turn, this.#sources.facts, modelCollections(this.#translation));
  }
}
