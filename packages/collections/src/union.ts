import type { StoredCollection } from './collection.ts';
import type { Failure } from './derived.ts';

const nothing: ReadonlyMap<string, Failure> = new Map();

/** The values of several collections under their own keys. It keeps nothing besides them. */
export class UnionCollection<V> {
  readonly output: StoredCollection<V>;
  readonly #inputs: readonly StoredCollection<V>[];
  #dirty = new Set<string>();

  constructor(output: StoredCollection<V>, inputs: readonly StoredCollection<V>[]) {
    this.output = output;
    this.#inputs = inputs;
    for (const input of inputs) {
      for (const key of input.keys()) this.#dirty.add(key);
      input.follow((key) => this.#dirty.add(key));
    }
  }

  get name(): string {
    return this.output.name;
  }

  /** Nothing is computed, so nothing fails. */
  get failures(): ReadonlyMap<string, Failure> {
    return nothing;
  }

  /** Takes what has changed within this turn. Returns how many keys that were. */
  settle(): number {
    const dirty = this.#dirty;
    if (dirty.size === 0) return 0;
    this.#dirty = new Set();
    for (const key of dirty) {
      let value: V | undefined;
      for (const input of this.#inputs) {
        value = input.peek(key);
        if (value !== undefined) break;
      }
      if (value !== this.output.peek(key)) this.output.put(key, value);
    }
    return dirty.size;
  }
}
