import type { Turn } from '@weft/collections';
import { type FactCollections, wholeFacts } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';

/** Whole facts after each turn of a graph. */
export class FactsAfterTurn {
  readonly #collections: FactCollections;
  #last: Facts | undefined;

  constructor(collections: FactCollections) {
    this.#collections = collections;
  }

  /** The facts after a turn; the same object as before when it changed none. */
  take(turn: Turn): Facts {
    const isOther = Object.values(this.#collections).some((collection) => turn.changed(collection).size > 0);
    if (isOther || this.#last === undefined) this.#last = wholeFacts(this.#collections);
    return this.#last;
  }
}
