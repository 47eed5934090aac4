import { BucketIndex, type Index } from './bucket-index.ts';
import type { Cell } from './cell.ts';
import { type Collection, StoredCollection, type Surroundings } from './collection.ts';
import type { Watchers } from './watchers.ts';

/**
 * How a derivation reads other collections. The graph records each read, and computes the derivation again when what it read changes. Every
 * method throws for a collection that was created after the derived one, that belongs to another graph or that was disposed, and once the
 * computation has ended.
 */
export interface Read {
  /** The value of a key. */
  get<V>(from: Collection<V>, key: string): V | undefined;
  /** The keys in a bucket, sorted. A change of their values alone does not compute the derivation again. */
  keys<V>(from: Index<V>, bucket: string): readonly string[];
  /** The values in a bucket, in the order of their keys. */
  values<V>(from: Index<V>, bucket: string): readonly V[];
  /** All values in the order of their keys. Every change of any of them computes the derivation again. */
  all<V>(from: Collection<V>): readonly V[];
}

/** The one `Read` of a graph. It knows which cell is being computed. */
export class TrackedRead implements Read, Surroundings {
  /** `change` of a turn is running. */
  changing = false;
  #cell: Cell | undefined;
  /** Counts computations, so that each thing is noted once in each. */
  #computation = 0;
  readonly #noted: Watchers[] = [];

  get computing(): boolean {
    return this.#cell !== undefined;
  }

  /** Computes for a cell, which then depends on exactly what this computation read, even if it throws. */
  for<R>(cell: Cell, compute: () => R): R {
    this.#cell = cell;
    this.#computation++;
    try {
      return compute();
    } finally {
      this.#cell = undefined;
      this.#settle(cell);
    }
  }

  get<V>(from: Collection<V>, key: string): V | undefined {
    const stored = this.#collection(from);
    this.#note(stored.watch(key));
    return stored.peek(key);
  }

  keys<V>(from: Index<V>, bucket: string): readonly string[] {
    const index = this.#index(from);
    this.#note(index.watchKeys(bucket));
    return index.peekKeys(bucket);
  }

  values<V>(from: Index<V>, bucket: string): readonly V[] {
    const index = this.#index(from);
    this.#note(index.watchValues(bucket));
    return index.peekValues(bucket);
  }

  all<V>(from: Collection<V>): readonly V[] {
    const stored = this.#collection(from);
    this.#note(stored.watchAll());
    return stored.peekAll();
  }

  #note(watchers: Watchers): void {
    if (watchers.readBy === this.#computation) return;
    watchers.readBy = this.#computation;
    this.#noted.push(watchers);
  }

  /** Most computations read what they read the last time, and then nothing needs to change. */
  #settle(cell: Cell): void {
    const noted = this.#noted;
    const { reads } = cell;
    if (noted.length !== reads.length || noted.some((watchers, at) => watchers !== reads[at])) {
      for (const watchers of noted) watchers.add(cell);
      for (const watchers of reads) if (watchers.readBy !== this.#computation) watchers.remove(cell);
      // A copy has no spare capacity, unlike an array that has grown.
      cell.reads = noted.slice();
    }
    noted.length = 0;
  }

  #collection<V>(from: Collection<V>): StoredCollection<V> {
    if (!(from instanceof StoredCollection)) throw new TypeError(`${from.name} is not a collection of a graph`);
    this.#mayRead(from);
    return from;
  }

  #index<V>(from: Index<V>): BucketIndex<V> {
    if (!(from instanceof BucketIndex)) throw new TypeError(`${from.name} is not an index of a collection`);
    this.#mayRead(from);
    return from;
  }

  #mayRead(from: { readonly name: string; readonly order: number; readonly home: object | undefined }): void {
    const owner = this.#cell?.owner;
    if (owner === undefined) throw new Error(`${from.name}: \`read\` works only while a derivation is computed`);
    if (from.home !== this) throw new Error(`${owner.name} cannot read ${from.name}: disposed, or of another graph`);
    if (from.order >= owner.order) {
      throw new Error(`${owner.name} cannot read ${from.name}: it may read only collections created before itself`);
    }
  }
}
