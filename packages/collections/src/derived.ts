import { Cell, type CellOwner } from './cell.ts';
import type { StoredCollection } from './collection.ts';
import type { Failure } from './failure.ts';
import type { TrackedRead } from './read.ts';

/** Options of a collection. */
export interface DeriveOptions<O> {
  /**
   * Whether two values say the same, so that the first one stays and nothing that depends on it is computed again. Default: `sameValue`. If
   * it throws for a derived value, that counts as a failure of the derivation.
   */
  readonly same?: (a: O, b: O) => boolean;
}

/** How a derived collection computes the keys of its input. */
export interface Derivation<R> {
  /** Follows the input, and marks all that it has now. */
  connect(owner: CellOwner): void;
  disconnect(owner: CellOwner): void;
  /** Whether the input has the key. */
  has(key: string): boolean;
  compute(key: string): R;
  /** Takes what a key gives. `undefined`: the input has lost the key. */
  take(key: string, result: R | undefined): void;
}

/** A collection whose values are computed, each from one key of its input and from what that computation reads. */
export class DerivedCollection<R> implements CellOwner {
  readonly name: string;
  readonly order: number;
  readonly #output: Pick<StoredCollection<unknown>, 'name' | 'order' | 'tell' | 'dispose'>;
  readonly #read: TrackedRead;
  readonly #derivation: Derivation<R>;
  /** Cells that have read something. The others need no memory. */
  readonly #cells = new Map<string, Cell>();
  readonly #failures = new Map<string, Failure>();
  #dirty = new Set<string>();

  constructor(
    output: Pick<StoredCollection<unknown>, 'name' | 'order' | 'tell' | 'dispose'>,
    read: TrackedRead,
    derivation: Derivation<R>,
  ) {
    this.name = output.name;
    this.order = output.order;
    this.#output = output;
    this.#read = read;
    this.#derivation = derivation;
    derivation.connect(this);
  }

  get failures(): ReadonlyMap<string, Failure> {
    return this.#failures;
  }

  markDirty(key: string): void {
    this.#dirty.add(key);
  }

  /** Computes what has changed within this turn. Returns how many keys it computed. */
  settle(): number {
    if (this.#dirty.size === 0) return 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    let computed = 0;
    for (const key of dirty) {
      if (this.#derivation.has(key)) {
        computed++;
        this.#compute(key);
        // A derivation that remembers may have let the key go.
        if (!this.#derivation.has(key)) this.#forget(key);
      } else this.#forget(key);
    }
    this.#output.tell();
    return computed;
  }

  /** Stops following and reading. Nothing may depend on the output. */
  dispose(): void {
    this.#derivation.disconnect(this);
    for (const cell of this.#cells.values()) cell.release();
    this.#output.dispose();
  }

  #compute(key: string): void {
    const cell = this.#cells.get(key) ?? new Cell(this, key);
    try {
      const result = this.#read.for(cell, () => this.#derivation.compute(key));
      this.#derivation.take(key, result);
      this.#failures.delete(key);
    } catch (error) {
      this.#failures.set(key, { collection: this.name, key, error });
    }
    if (cell.reads.length > 0) this.#cells.set(key, cell);
    else this.#cells.delete(key);
  }

  #forget(key: string): void {
    this.#cells.get(key)?.release();
    this.#cells.delete(key);
    this.#failures.delete(key);
    this.#derivation.take(key, undefined);
  }
}
