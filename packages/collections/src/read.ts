import { BucketIndex, type Index } from './bucket-index.ts';
import type { Cell } from './cell.ts';
import { type Collection, StoredCollection } from './collection.ts';

/** How a derivation reads other collections. Whatever it reads has it computed again once that is another. */
export interface Read {
  /** The value of a key. */
  get<V>(from: Collection<V>, key: string): V | undefined;
  /** The keys in a bucket, sorted. What they stand for may change without the derivation's being computed again. */
  keys<V>(from: Index<V>, bucket: string): readonly string[];
  /** The values in a bucket, in the order of their keys. */
  values<V>(from: Index<V>, bucket: string): readonly V[];
  /** All values in the order of their keys. Each change of any of them has the derivation computed again. */
  all<V>(from: Collection<V>): readonly V[];
}

/** The one `Read` of a graph: it notes for whom it reads. */
export class TrackedRead implements Read {
  #cell: Cell | undefined;

  /** The cell that is being computed. */
  get cell(): Cell | undefined {
    return this.#cell;
  }

  /** Computes for a cell, and notes what it reads. */
  for<R>(cell: Cell, compute: () => R): R {
    const outer = this.#cell;
    this.#cell = cell;
    try {
      return compute();
    } finally {
      this.#cell = outer;
    }
  }

  get<V>(from: Collection<V>, key: string): V | undefined {
    return this.#stored(from).read(key, this.#reader(from));
  }

  keys<V>(from: Index<V>, bucket: string): readonly string[] {
    return this.#index(from).readKeys(bucket, this.#reader(from));
  }

  values<V>(from: Index<V>, bucket: string): readonly V[] {
    return this.#index(from).readValues(bucket, this.#reader(from));
  }

  all<V>(from: Collection<V>): readonly V[] {
    return this.#stored(from).readAll(this.#reader(from));
  }

  #stored<V>(from: Collection<V>): StoredCollection<V> {
    if (from instanceof StoredCollection) return from;
    throw new TypeError(`${from.name} is no collection of this graph`);
  }

  #index<V>(from: Index<V>): BucketIndex<V> {
    if (from instanceof BucketIndex) return from;
    throw new TypeError(`${from.name} is no index of this graph`);
  }

  #reader(from: { readonly name: string }): Cell {
    const cell = this.#cell;
    if (cell === undefined) throw new Error(`${from.name}: \`read\` is for the time of a computation only`);
    const { order = Number.POSITIVE_INFINITY }: { order?: number } = Object(from);
    if (order >= cell.owner.order) throw new Error(`${cell.owner.name} cannot read ${from.name}, which comes after it`);
    return cell;
  }
}
