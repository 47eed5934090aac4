import type { Collection } from '@weft/collections';

/** A collection as a map in the order of its keys. Live: it shows each turn once it has ended. */
export class LiveMap<K extends string, V> implements ReadonlyMap<K, V> {
  readonly #collection: Collection<V>;

  constructor(collection: Collection<V>) {
    this.#collection = collection;
  }

  get size(): number {
    return this.#collection.size;
  }

  get(key: K): V | undefined {
    return this.#collection.get(key);
  }

  has(key: K): boolean {
    return this.#collection.has(key);
  }

  forEach(visit: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    for (const [key, value] of this) visit(value, key, this);
  }

  *entries(): MapIterator<[K, V]> {
    for (const key of this.keys()) {
      const value = this.#collection.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Whoever makes the collection gives it keys of this kind only. */
  keys(): MapIterator<K> {
    return (this.#collection.keys() as readonly K[]).values() satisfies ArrayIterator<K> as MapIterator<K>;
  }

  values(): MapIterator<V> {
    return this.#collection.values().values() as MapIterator<V>;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }
}
