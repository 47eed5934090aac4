import { BucketIndex, type Index } from './bucket-index.ts';
import type { CellOwner } from './cell.ts';
import type { Failure } from './failure.ts';
import { SortedKeys } from './sorted-keys.ts';
import { type Watched, Watchers } from './watchers.ts';

/** What a turn did to one key. An absent field means that the key was not there before, or is not there after. */
export interface Change<V> {
  readonly before?: V;
  readonly after?: V;
}

/**
 * Immutable values by key. They change only in turns. `undefined` is never a value: it means that the key is not there. Inside a derivation,
 * every member but `name` and `index` throws or bypasses the record of what it read: use `read` there.
 */
export interface Collection<V> {
  /** Identifies the collection in errors, failures and counts. */
  readonly name: string;
  readonly size: number;
  get(key: string): V | undefined;
  has(key: string): boolean;
  /** A live view, which shows each turn once it has ended. Its order means nothing. */
  readonly entries: ReadonlyMap<string, V>;
  /** Every key, sorted by UTF-16 code units. */
  keys(): readonly string[];
  /** Every value, in the order of the keys. */
  values(): readonly V[];
  /**
   * Creates an index: each value is in the buckets that `bucketsOf` names, a string being one bucket. `bucketsOf` depends on the value and its
   * key alone. If it throws, the key stays in its earlier buckets and `Graph.failures` lists it until the value changes. `name` distinguishes
   * the index from others of this collection.
   */
  index(name: string, bucketsOf: (value: V, key: string) => Iterable<string>): Index<V>;
}

/** What a collection asks of its graph. */
export interface Surroundings {
  /** A derivation is being computed, so it must read through its `read`. */
  readonly computing: boolean;
  /** Sources may be set. */
  readonly changing: boolean;
}

/** The values, indexes and readers of a collection. Sources and derived collections both consist of one. */
export class StoredCollection<V> implements Collection<V>, Watched {
  readonly name: string;
  /** Later collections may read earlier ones, never the other way round. */
  readonly order: number;
  /** The graph that it belongs to, until it is disposed. */
  home: Surroundings | undefined;
  protected readonly around: Surroundings;
  readonly #same: (a: V, b: V) => boolean;
  readonly #values = new Map<string, V>();
  readonly #indexes: BucketIndex<V>[] = [];
  readonly #readers = new Map<string, Watchers>();
  readonly #readersOfAll = new Watchers({ unwatched: () => undefined }, '');
  readonly #followers = new Set<CellOwner>();
  /** Kept from the first time that somebody asks for the order. */
  #sorted: SortedKeys | undefined;
  /** All values in order, since somebody asked for them and until one changes. */
  #all: readonly V[] | undefined;
  /** What each key had before it was set in this turn, until indexes and readers are told. */
  readonly #untold = new Map<string, V | undefined>();
  #changes = new Map<string, Change<V>>();

  constructor(name: string, order: number, around: Surroundings, same: (a: V, b: V) => boolean) {
    this.name = name;
    this.order = order;
    this.home = around;
    this.around = around;
    this.#same = same;
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
    return this.peekAll();
  }

  index(name: string, bucketsOf: (value: V, key: string) => Iterable<string>): Index<V> {
    this.beforeRead();
    const index = new BucketIndex<V>(`${this.name} ${name}`, this, bucketsOf);
    for (const [key, value] of this.#values) index.change(key, value);
    this.#indexes.push(index);
    return index;
  }

  // For the collections of the same graph.

  /** The readers of a key. */
  watch(key: string): Watchers {
    let readers = this.#readers.get(key);
    if (readers === undefined) {
      readers = new Watchers(this, key);
      this.#readers.set(key, readers);
    }
    return readers;
  }

  /** The readers of everything. */
  watchAll(): Watchers {
    return this.#readersOfAll;
  }

  unwatched(key: string): void {
    this.#readers.delete(key);
  }

  peek(key: string): V | undefined {
    return this.#values.get(key);
  }

  peekAll(): readonly V[] {
    if (this.#all !== undefined) return this.#all;
    const values: V[] = [];
    for (const key of this.#keys()) {
      const value = this.#values.get(key);
      if (value !== undefined) values.push(value);
    }
    this.#all = values;
    return values;
  }

  peekKeys(): Iterable<string> {
    return this.#values.keys();
  }

  beforeRead(): void {
    this.#mayRead();
    this.tell();
  }

  /** Tells a derived collection of each change, within its turn. */
  follow(follower: CellOwner): void {
    this.#followers.add(follower);
  }

  unfollow(follower: CellOwner): void {
    this.#followers.delete(follower);
  }

  /**
   * Sets a value, or removes it by `undefined`. A value that is the same as the one before, or as the one before the turn, keeps the object
   * that was there. Throws what the collection's `same` throws, and has changed nothing then.
   */
  put(key: string, value: V | undefined): void {
    const before = this.#values.get(key);
    if (this.#isSame(before, value)) return;
    if (!this.#untold.has(key)) {
      const first = this.#changes.get(key);
      const after = first !== undefined && this.#isSame(first.before, value) ? first.before : value;
      this.#untold.set(key, before);
      this.#store(key, after);
      return;
    }
    const first = this.#untold.get(key);
    if (this.#isSame(first, value)) {
      this.#untold.delete(key);
      this.#store(key, first);
    } else this.#store(key, value);
  }

  /** Passes what was put on to indexes, readers and followers. */
  tell(): void {
    if (this.#untold.size === 0) return;
    for (const [key, before] of this.#untold) {
      const after = this.#values.get(key);
      const earlier = this.#changes.get(key);
      this.#changes.set(key, changeOf(earlier === undefined ? before : earlier.before, after));
      for (const index of this.#indexes) index.change(key, after);
      this.#readers.get(key)?.markDirty();
      for (const follower of this.#followers) follower.markDirty(key);
    }
    this.#untold.clear();
    this.#readersOfAll.markDirty();
  }

  /** Takes back everything that was put in this turn. */
  undo(): void {
    for (const [key, before] of this.#untold) this.#store(key, before);
    this.#untold.clear();
    for (const [key, { before, after }] of this.#changes) {
      this.#untold.set(key, after);
      this.#store(key, before);
    }
    this.tell();
    this.#changes.clear();
  }

  /** What the turn did, which ends here. */
  takeChanges(): ReadonlyMap<string, Change<V>> {
    if (this.#changes.size === 0) return this.#changes;
    const changes = this.#changes;
    this.#changes = new Map();
    // A value that was set and set back is no change.
    for (const [key, { before, after }] of changes) if (before === after) changes.delete(key);
    return changes;
  }

  /** Keys whose buckets could not be computed. */
  *failures(): Iterable<Failure> {
    for (const { failures } of this.#indexes) yield* failures.values();
  }

  /** How many keys and buckets have readers. */
  get watched(): number {
    return this.#indexes.reduce((sum, index) => sum + index.watched, this.#readers.size);
  }

  /** The names of the collections that depend on this one, sorted. */
  dependents(): readonly string[] {
    const names = new Set<string>(this.#readersOfAll.readers());
    for (const { name } of this.#followers) names.add(name);
    for (const readers of this.#readers.values()) for (const name of readers.readers()) names.add(name);
    for (const index of this.#indexes) for (const name of index.dependents()) names.add(name);
    return [...names].sort();
  }

  /** Empties the collection for good. Nothing may depend on it. */
  dispose(): void {
    this.home = undefined;
    this.#values.clear();
    this.#indexes.length = 0;
    this.#sorted = undefined;
    this.#all = undefined;
  }

  #store(key: string, value: V | undefined): void {
    this.#all = undefined;
    if (value === undefined) {
      this.#values.delete(key);
      this.#sorted?.delete(key);
    } else {
      this.#values.set(key, value);
      this.#sorted?.add(key);
    }
  }

  #isSame(a: V | undefined, b: V | undefined): boolean {
    return a === b || (a !== undefined && b !== undefined && this.#same(a, b));
  }

  #keys(): readonly string[] {
    if (this.#sorted === undefined) {
      this.#sorted = new SortedKeys();
      for (const key of this.#values.keys()) this.#sorted.add(key);
    }
    return this.#sorted.list;
  }

  #mayRead(): void {
    if (this.around.computing) {
      throw new Error(`${this.name}: a derivation must read through its \`read\`, which records what it depends on`);
    }
  }
}

function changeOf<V>(before: V | undefined, after: V | undefined): Change<V> {
  if (before === undefined) return after === undefined ? {} : { after };
  return after === undefined ? { before } : { before, after };
}
