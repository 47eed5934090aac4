import { BucketIndex, type Index } from './bucket-index.ts';
import { type Cell, Watchers } from './cell.ts';

/** What a turn did to one key. Absent: it was not there, or is not there any more. */
export interface Change<V> {
  readonly before?: V;
  readonly after?: V;
}

/** Immutable values by key. It changes in turns only; between two turns it does not change. */
export interface Collection<V> {
  readonly name: string;
  readonly size: number;
  get(key: string): V | undefined;
  has(key: string): boolean;
  /** Live: shows each turn once it has ended. Its order means nothing. */
  readonly entries: ReadonlyMap<string, V>;
  /** Every key, sorted. */
  keys(): readonly string[];
  /** Every value, in the order of the keys. */
  values(): readonly V[];
  /**
   * An index: each value stands in the buckets that `bucketsOf` names. Pure, of the value and its key alone. `name` tells it apart from
   * other indexes of this collection.
   */
  index(name: string, bucketsOf: (value: V, key: string) => Iterable<string>): Index<V>;
}

/** What a graph lets a collection ask. */
export interface Surroundings {
  /** A derivation is being computed, which must read through its `read`. */
  readonly computing: boolean;
}

/** The values, indexes and readers of a collection; sources and derived collections are made of it. */
export class StoredCollection<V> implements Collection<V> {
  readonly name: string;
  /** Later collections may read earlier ones, never the other way round. */
  readonly order: number;
  readonly #around: Surroundings;
  readonly #values = new Map<string, V>();
  readonly #indexes: BucketIndex<V>[] = [];
  readonly #readers = new Map<string, Watchers>();
  readonly #readersOfAll = new Watchers(() => undefined);
  readonly #followers: ((key: string) => void)[] = [];
  #sorted: readonly string[] | undefined;
  #changes = new Map<string, Change<V>>();

  constructor(name: string, order: number, around: Surroundings) {
    this.name = name;
    this.order = order;
    this.#around = around;
  }

  get size(): number {
    this.#mayRead();
    return this.#values.size;
  }

  get entries(): ReadonlyMap<string, V> {
    this.#mayRead();
    return this.#values;
  }

  get(key: string): V | undefined {
    this.#mayRead();
    return this.#values.get(key);
  }

  has(key: string): boolean {
    this.#mayRead();
    return this.#values.has(key);
  }

  keys(): readonly string[] {
    this.#mayRead();
    return this.#keys();
  }

  values(): readonly V[] {
    this.#mayRead();
    return this.#all();
  }

  index(name: string, bucketsOf: (value: V, key: string) => Iterable<string>): Index<V> {
    const index = new BucketIndex<V>(`${this.name} ${name}`, this, bucketsOf);
    for (const [key, value] of this.#values) index.change(key, value);
    this.#indexes.push(index);
    return index;
  }

  // For the collections of the same graph.

  /** The value of a key, which `cell` then depends on. */
  read(key: string, cell: Cell): V | undefined {
    let readers = this.#readers.get(key);
    if (readers === undefined) {
      readers = new Watchers(() => this.#readers.delete(key));
      this.#readers.set(key, readers);
    }
    readers.add(cell);
    return this.#values.get(key);
  }

  /** All values in the order of their keys, each of which `cell` then depends on. */
  readAll(cell: Cell): readonly V[] {
    this.#readersOfAll.add(cell);
    return this.#all();
  }

  /** The value of a key, for those who have noted elsewhere that they depend on it. */
  peek(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** Tells of each change, within its turn. */
  follow(follower: (key: string) => void): void {
    this.#followers.push(follower);
  }

  /** Sets or, by `undefined`, removes a value; the caller has seen that it is another one. */
  put(key: string, after: V | undefined): void {
    const before = this.#values.get(key);
    const first = this.#changes.get(key);
    if (after === undefined) this.#values.delete(key);
    else this.#values.set(key, after);
    if ((before === undefined) !== (after === undefined)) this.#sorted = undefined;
    this.#changes.set(key, changeOf(first ? first.before : before, after));
    for (const index of this.#indexes) index.change(key, after);
    this.#readers.get(key)?.markDirty();
    this.#readersOfAll.markDirty();
    for (const follower of this.#followers) follower(key);
  }

  /** What the turn did, which ends here. */
  takeChanges(): ReadonlyMap<string, Change<V>> {
    if (this.#changes.size === 0) return this.#changes;
    const changes = this.#changes;
    this.#changes = new Map();
    // Set and set back is no change.
    for (const [key, { before, after }] of changes) if (before === after) changes.delete(key);
    return changes;
  }

  /** How many keys and buckets somebody reads, or is kept for: none is left once nobody does. */
  get watched(): number {
    return this.#readers.size + this.#indexes.reduce((sum, index) => sum + index.watched, 0);
  }

  #keys(): readonly string[] {
    this.#sorted ??= [...this.#values.keys()].sort();
    return this.#sorted;
  }

  #all(): readonly V[] {
    return this.#keys().flatMap((key) => this.#values.get(key) ?? []);
  }

  #mayRead(): void {
    if (this.#around.computing)
      throw new Error(`${this.name}: a derivation reads through \`read\`, so that it is computed again`);
  }
}

function changeOf<V>(before: V | undefined, after: V | undefined): Change<V> {
  return { ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) };
}
