import { type Cell, Watchers } from './cell.ts';

/** The values of a collection by something that several of them may have in common. */
export interface Index<V> {
  readonly name: string;
  /** The keys in a bucket, sorted. */
  keysIn(bucket: string): readonly string[];
  /** The values in a bucket, in the order of their keys. */
  valuesIn(bucket: string): readonly V[];
  /** Buckets that hold something, in no order. */
  buckets(): Iterable<string>;
}

interface Bucket {
  readonly keys: Set<string>;
  sorted: readonly string[] | undefined;
  /** Cells that have read which keys are in it. */
  readonly readersOfKeys: Watchers;
  /** Cells that have read its values. */
  readonly readersOfValues: Watchers;
}

const noKeys: readonly string[] = [];

/** An index as its collection keeps it. */
export class BucketIndex<V> implements Index<V> {
  readonly name: string;
  readonly #collection: { readonly order: number; peek(key: string): V | undefined };
  readonly #bucketsOf: (value: V, key: string) => Iterable<string>;
  readonly #buckets = new Map<string, Bucket>();
  readonly #bucketsByKey = new Map<string, readonly string[]>();
  readonly #followers: ((bucket: string) => void)[] = [];

  constructor(
    name: string,
    collection: { readonly order: number; peek(key: string): V | undefined },
    bucketsOf: (value: V, key: string) => Iterable<string>,
  ) {
    this.name = name;
    this.#collection = collection;
    this.#bucketsOf = bucketsOf;
  }

  get order(): number {
    return this.#collection.order;
  }

  keysIn(bucket: string): readonly string[] {
    const found = this.#buckets.get(bucket);
    if (found === undefined) return noKeys;
    found.sorted ??= [...found.keys].sort();
    return found.sorted;
  }

  valuesIn(bucket: string): readonly V[] {
    return this.keysIn(bucket).flatMap((key) => this.#collection.peek(key) ?? []);
  }

  *buckets(): Iterable<string> {
    for (const [name, { keys }] of this.#buckets) if (keys.size > 0) yield name;
  }

  // For the collections of the same graph.

  readKeys(bucket: string, cell: Cell): readonly string[] {
    this.#bucket(bucket).readersOfKeys.add(cell);
    return this.keysIn(bucket);
  }

  readValues(bucket: string, cell: Cell): readonly V[] {
    this.#bucket(bucket).readersOfValues.add(cell);
    return this.valuesIn(bucket);
  }

  /** Whether a bucket holds something. */
  has(bucket: string): boolean {
    return (this.#buckets.get(bucket)?.keys.size ?? 0) > 0;
  }

  /** Tells of each bucket that begins to hold something, or ceases to. */
  follow(follower: (bucket: string) => void): void {
    this.#followers.push(follower);
  }

  /** Takes the new value of a key; `undefined`: it has gone. */
  change(key: string, after: V | undefined): void {
    const before = this.#bucketsByKey.get(key) ?? noKeys;
    const next = after === undefined ? noKeys : [...new Set(this.#bucketsOf(after, key))];
    if (next.length === 0) this.#bucketsByKey.delete(key);
    else this.#bucketsByKey.set(key, next);
    for (const name of before) {
      if (next.includes(name)) this.#buckets.get(name)?.readersOfValues.markDirty();
      else this.#leave(name, key);
    }
    for (const name of next) if (!before.includes(name)) this.#join(name, key);
  }

  /** Buckets that are kept for their readers alone. */
  get watched(): number {
    let count = 0;
    for (const { keys } of this.#buckets.values()) if (keys.size === 0) count++;
    return count;
  }

  #join(name: string, key: string): void {
    const bucket = this.#bucket(name);
    bucket.keys.add(key);
    this.#changed(name, bucket, bucket.keys.size === 1);
  }

  #leave(name: string, key: string): void {
    const bucket = this.#bucket(name);
    bucket.keys.delete(key);
    this.#changed(name, bucket, bucket.keys.size === 0);
    this.#drop(name);
  }

  #changed(name: string, bucket: Bucket, turned: boolean): void {
    bucket.sorted = undefined;
    bucket.readersOfKeys.markDirty();
    bucket.readersOfValues.markDirty();
    if (turned) for (const follower of this.#followers) follower(name);
  }

  #bucket(name: string): Bucket {
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      const onEmpty = () => this.#drop(name);
      const readers = { readersOfKeys: new Watchers(onEmpty), readersOfValues: new Watchers(onEmpty) };
      bucket = { keys: new Set(), sorted: undefined, ...readers };
      this.#buckets.set(name, bucket);
    }
    return bucket;
  }

  #drop(name: string): void {
    const bucket = this.#buckets.get(name);
    if (bucket && bucket.keys.size + bucket.readersOfKeys.size + bucket.readersOfValues.size === 0) {
      this.#buckets.delete(name);
    }
  }
}
