import type { CellOwner } from './cell.ts';
import type { Failure } from './failure.ts';
import { SortedKeys } from './sorted-keys.ts';
import { type Watched, Watchers } from './watchers.ts';

/** The values of a collection by something that several of them may share. Inside a derivation, use `read` instead of these methods. */
export interface Index<V> {
  /** The name of the collection, a space, and the name that `Collection.index` was given. */
  readonly name: string;
  /** The keys in a bucket, sorted. An unknown bucket is empty. */
  keysIn(bucket: string): readonly string[];
  /** The values in a bucket, in the order of their keys. An unknown bucket is empty. */
  valuesIn(bucket: string): readonly V[];
  /** Buckets that are not empty, in no particular order. */
  buckets(): Iterable<string>;
}

/** As much of a collection as its indexes need. */
export interface Indexed<V> {
  readonly order: number;
  readonly home: object | undefined;
  peek(key: string): V | undefined;
  /** Throws inside a computation. Brings the indexes up to date with what a turn has set so far. */
  beforeRead(): void;
}

/** The keys of a bucket, and who reads it. */
class Bucket extends SortedKeys {
  /** Cells that have read which keys are in it. */
  readersOfKeys: Watchers | undefined;
  /** Cells that have read its values. */
  readersOfValues: Watchers | undefined;

  /** Nothing needs it: it has neither keys nor readers. */
  get unused(): boolean {
    return this.size === 0 && this.readersOfKeys === undefined && this.readersOfValues === undefined;
  }
}

/** The buckets of one key: most keys have one, which is kept without an array. */
type Names = string | readonly string[];

const noNames: readonly string[] = [];

/** An index as its collection keeps it. */
export class BucketIndex<V> implements Index<V>, Watched {
  readonly name: string;
  readonly #collection: Indexed<V>;
  readonly #bucketsOf: (value: V, key: string) => Iterable<string>;
  readonly #buckets = new Map<string, Bucket>();
  readonly #namesByKey = new Map<string, Names>();
  readonly #followers = new Set<CellOwner>();
  readonly #failures = new Map<string, Failure>();

  constructor(name: string, collection: Indexed<V>, bucketsOf: (value: V, key: string) => Iterable<string>) {
    this.name = name;
    this.#collection = collection;
    this.#bucketsOf = bucketsOf;
  }

  get order(): number {
    return this.#collection.order;
  }

  get home(): object | undefined {
    return this.#collection.home;
  }

  get failures(): ReadonlyMap<string, Failure> {
    return this.#failures;
  }

  keysIn(bucket: string): readonly string[] {
    this.#collection.beforeRead();
    return this.peekKeys(bucket);
  }

  valuesIn(bucket: string): readonly V[] {
    this.#collection.beforeRead();
    return this.peekValues(bucket);
  }

  buckets(): Iterable<string> {
    this.#collection.beforeRead();
    return this.#filled();
  }

  // For the collections of the same graph.

  peekKeys(bucket: string): readonly string[] {
    return this.#buckets.get(bucket)?.list ?? noNames;
  }

  peekValues(bucket: string): readonly V[] {
    const values: V[] = [];
    for (const key of this.peekKeys(bucket)) {
      const value = this.#collection.peek(key);
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  /** The readers of the keys in a bucket. */
  watchKeys(name: string): Watchers {
    const bucket = this.#bucket(name);
    bucket.readersOfKeys ??= new Watchers(this, name);
    return bucket.readersOfKeys;
  }

  /** The readers of the values in a bucket. */
  watchValues(name: string): Watchers {
    const bucket = this.#bucket(name);
    bucket.readersOfValues ??= new Watchers(this, name);
    return bucket.readersOfValues;
  }

  unwatched(name: string): void {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return;
    if (bucket.readersOfKeys?.size === 0) bucket.readersOfKeys = undefined;
    if (bucket.readersOfValues?.size === 0) bucket.readersOfValues = undefined;
    if (bucket.unused) this.#buckets.delete(name);
  }

  /** Whether a bucket is not empty. */
  has(bucket: string): boolean {
    return (this.#buckets.get(bucket)?.size ?? 0) > 0;
  }

  /** Tells a derived collection of each bucket that gets its first key or loses its last. */
  follow(follower: CellOwner): void {
    this.#followers.add(follower);
  }

  unfollow(follower: CellOwner): void {
    this.#followers.delete(follower);
  }

  /** Takes the new value of a key. `undefined`: the key has gone. A key whose buckets cannot be computed stays in those that it was in. */
  change(key: string, after: V | undefined): void {
    const before = this.#namesByKey.get(key);
    const next = this.#namesOf(key, after, before);
    if (next === undefined) this.#namesByKey.delete(key);
    else if (next !== before) this.#namesByKey.set(key, next);
    if (next === before) {
      for (const name of listOf(before)) this.#buckets.get(name)?.readersOfValues?.markDirty();
      return;
    }
    const isIn = memberOf(next);
    for (const name of listOf(before)) {
      if (isIn(name)) this.#buckets.get(name)?.readersOfValues?.markDirty();
      else this.#leave(name, key);
    }
    const wasIn = memberOf(before);
    for (const name of listOf(next)) if (!wasIn(name)) this.#join(name, key);
  }

  /** How many buckets have readers. */
  get watched(): number {
    let count = 0;
    for (const bucket of this.#buckets.values()) {
      if (bucket.readersOfKeys !== undefined || bucket.readersOfValues !== undefined) count++;
    }
    return count;
  }

  /** The names of the collections that depend on this index. */
  *dependents(): Iterable<string> {
    for (const { name } of this.#followers) yield name;
    for (const { readersOfKeys, readersOfValues } of this.#buckets.values()) {
      if (readersOfKeys !== undefined) yield* readersOfKeys.readers();
      if (readersOfValues !== undefined) yield* readersOfValues.readers();
    }
  }

  #namesOf(key: string, value: V | undefined, before: Names | undefined): Names | undefined {
    if (this.#failures.size > 0) this.#failures.delete(key);
    if (value === undefined) return undefined;
    try {
      return namesFrom(this.#bucketsOf(value, key));
    } catch (error) {
      this.#failures.set(key, { collection: this.name, key, error });
      return before;
    }
  }

  #join(name: string, key: string): void {
    const bucket = this.#bucket(name);
    bucket.add(key);
    this.#changed(name, bucket, bucket.size === 1);
  }

  #leave(name: string, key: string): void {
    const bucket = this.#bucket(name);
    bucket.delete(key);
    this.#changed(name, bucket, bucket.size === 0);
    if (bucket.unused) this.#buckets.delete(name);
  }

  #changed(name: string, bucket: Bucket, turned: boolean): void {
    bucket.readersOfKeys?.markDirty();
    bucket.readersOfValues?.markDirty();
    if (turned) for (const follower of this.#followers) follower.markDirty(name);
  }

  #bucket(name: string): Bucket {
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      bucket = new Bucket();
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  *#filled(): Iterable<string> {
    for (const [name, { size }] of this.#buckets) if (size > 0) yield name;
  }
}

/** Each name once. A string counts as one name, although it is an iterable of its characters. */
function namesFrom(names: Iterable<string>): Names | undefined {
  if (typeof names === 'string') return names;
  const distinct = Array.isArray(names) && names.length < 2 ? names : [...new Set(names)];
  return distinct.length < 2 ? distinct[0] : distinct;
}

function listOf(names: Names | undefined): readonly string[] {
  if (names === undefined) return noNames;
  return typeof names === 'string' ? [names] : names;
}

function memberOf(names: Names | undefined): (name: string) => boolean {
  if (names === undefined) return () => false;
  if (typeof names === 'string') return (name) => name === names;
  if (names.length <= 16) return (name) => names.includes(name);
  const set = new Set(names);
  return (name) => set.has(name);
}
