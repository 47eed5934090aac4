import { BucketIndex, type Index } from './bucket-index.ts';
import { type Change, type Collection, StoredCollection, type Surroundings } from './collection.ts';
import { DerivedCollection, type DeriveOptions, type Failure } from './derived.ts';
import { type Read, TrackedRead } from './read.ts';
import { sameValue } from './same-value.ts';
import type { Source } from './source.ts';
import { UnionCollection } from './union.ts';

/** What one turn did. */
export interface Turn {
  /** Counts up from 1. */
  readonly number: number;
  /** What became of the keys of a collection: only those whose value is another. */
  changed<V>(collection: Collection<V>): ReadonlyMap<string, Change<V>>;
  /** Keys that were computed, by the name of their collection; those that came out the same too. */
  readonly computed: ReadonlyMap<string, number>;
  /** Something changed. */
  readonly changedAnything: boolean;
}

/**
 * Collections that are derived from each other. Sources are told their values; every derived collection follows, in turns: a turn
 * takes any number of changes, computes exactly the keys that depend on them, each at most once and in the order of the collections, and
 * stops where an output comes out the same. Between turns nobody sees anything half done.
 */
export class Graph {
  readonly #collections: Pick<StoredCollection<unknown>, 'takeChanges' | 'watched'>[] = [];
  readonly #derived: Pick<DerivedCollection<unknown>, 'name' | 'settle' | 'failures'>[] = [];
  readonly #read = new TrackedRead();
  readonly #around: Surroundings;
  #turning = false;
  #number = 0;

  constructor() {
    const read = this.#read;
    this.#around = {
      get computing() {
        return read.cell !== undefined;
      },
    };
  }

  /** A collection that is told its values. */
  source<V>(name: string, { same = sameValue }: DeriveOptions<V> = {}): Source<V> {
    const stored = this.#stored<V>(name);
    const mayChange = () => {
      if (!this.#turning || this.#around.computing) throw new Error(`${name} changes within a turn only`);
    };
    const set = (key: string, value: V) => {
      mayChange();
      const before = stored.peek(key);
      if (before === undefined || !same(before, value)) stored.put(key, value);
    };
    const remove = (key: string) => {
      mayChange();
      if (stored.peek(key) !== undefined) stored.put(key, undefined);
    };
    return Object.assign(stored, {
      set,
      delete: remove,
      replace(entries: Iterable<readonly [string, V]>) {
        const gone = new Set(stored.keys());
        for (const [key, value] of entries) {
          gone.delete(key);
          set(key, value);
        }
        for (const key of gone) remove(key);
      },
    });
  }

  /** A collection that never changes. */
  constant<V>(name: string, entries: Iterable<readonly [key: string, value: V]>): Collection<V> {
    const stored = this.#stored<V>(name);
    for (const [key, value] of entries) stored.put(key, value);
    return stored;
  }

  /** One output, or none, for each value of `input`, under the same key. `compute` is pure. */
  derive<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    return this.#fromCollection(name, input, options, (value, key) => {
      const output = compute(value, this.#read, key);
      return output === undefined ? [] : [[key, output] as const];
    });
  }

  /** Any number of outputs for each value of `input`. Of two inputs that give one key, that whose own key sorts first counts. */
  deriveMany<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => Iterable<readonly [key: string, output: O]>,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    return this.#fromCollection(name, input, options, (value, key) => compute(value, this.#read, key));
  }

  /** One output, or none, for each bucket that holds something; `compute` reads of it what it needs. */
  group<I, O>(
    name: string,
    index: Index<I>,
    compute: (bucket: string, read: Read) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    if (!(index instanceof BucketIndex)) throw new TypeError(`${index.name} is no index of this graph`);
    const output = this.#stored<O>(name);
    const derived = new DerivedCollection<O>(
      output,
      {
        has: (bucket) => index.has(bucket),
        compute: (bucket, cell) =>
          this.#read.for(cell, () => {
            const value = compute(bucket, this.#read);
            return value === undefined ? [] : [[bucket, value] as const];
          }),
      },
      options,
    );
    for (const bucket of index.buckets()) derived.markDirty(bucket);
    index.follow((bucket) => derived.markDirty(bucket));
    this.#derived.push(derived);
    return output;
  }

  /** The values of several collections under their own keys. Where two have the same key, the value of the earlier one counts. */
  union<V>(name: string, inputs: readonly Collection<V>[]): Collection<V> {
    const from = inputs.map((input) => {
      if (!(input instanceof StoredCollection)) throw new TypeError(`${input.name} is no collection of this graph`);
      const stored: StoredCollection<V> = input;
      return stored;
    });
    const output = this.#stored<V>(name);
    this.#derived.push(new UnionCollection(output, from));
    return output;
  }

  /**
   * As `derive`, with a memory: `compute` is told what it gave last time, and is asked once more when the value of its input has
   * gone (`value` is undefined then). An output without an input is computed again when what it read changes, until `compute` gives
   * none. Its values depend on what was there before, so it belongs where facts are gathered, not where they are interpreted.
   */
  remember<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I | undefined, before: O | undefined, read: Read, key: string) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    if (!(input instanceof StoredCollection)) throw new TypeError(`${input.name} is no collection of this graph`);
    const from: StoredCollection<I> = input;
    const output = this.#stored<O>(name);
    const derived = new DerivedCollection<O>(
      output,
      {
        has: (key) => from.peek(key) !== undefined || output.peek(key) !== undefined,
        compute: (key, cell) =>
          this.#read.for(cell, () => {
            const value = compute(from.peek(key), output.peek(key), this.#read, key);
            return value === undefined ? [] : [[key, value] as const];
          }),
      },
      options,
    );
    for (const key of from.keys()) derived.markDirty(key);
    from.follow((key) => derived.markDirty(key));
    this.#derived.push(derived);
    return output;
  }

  /**
   * Runs `change`, which sets sources, and then all that follows from it. When `change` throws, what it has set so far counts and the
   * error is thrown once everything has followed. A turn within a turn is an error.
   */
  turn(change: () => void): Turn {
    if (this.#turning) throw new Error('a turn cannot begin within another');
    this.#turning = true;
    const computed = new Map<string, number>();
    let error: { readonly thrown: unknown } | undefined;
    try {
      try {
        change();
      } catch (thrown) {
        error = { thrown };
      }
      for (const derived of this.#derived) {
        const count = derived.settle();
        if (count > 0) computed.set(derived.name, count);
      }
    } finally {
      this.#turning = false;
    }
    this.#number++;
    const changes = new Map<object, ReadonlyMap<string, Change<unknown>>>();
    for (const collection of this.#collections) {
      const changed = collection.takeChanges();
      if (changed.size > 0) changes.set(collection, changed);
    }
    if (error) throw error.thrown;
    return {
      number: this.#number,
      computed,
      changedAnything: changes.size > 0,
      // What is kept under a collection is what that collection gave.
      changed: <V>(collection: Collection<V>) =>
        (changes.get(collection) ?? noChanges) as ReadonlyMap<string, Change<V>>,
    };
  }

  /** What could not be computed, and is as it was before; by collection and key. */
  failures(): readonly Failure[] {
    return this.#derived.flatMap(({ failures }) => [...failures.values()]);
  }

  /** How many keys and buckets are kept for readers alone. For tests of leaks. */
  get watched(): number {
    return this.#collections.reduce((sum, collection) => sum + collection.watched, 0);
  }

  #fromCollection<I, O>(
    name: string,
    input: Collection<I>,
    options: DeriveOptions<O>,
    compute: (value: I, key: string) => Iterable<readonly [string, O]>,
  ): Collection<O> {
    if (!(input instanceof StoredCollection)) throw new TypeError(`${input.name} is no collection of this graph`);
    const from: StoredCollection<I> = input;
    const output = this.#stored<O>(name);
    const derived = new DerivedCollection<O>(
      output,
      {
        has: (key) => from.peek(key) !== undefined,
        compute: (key, cell) =>
          this.#read.for(cell, () => {
            const value = from.peek(key);
            // A generator computes while it is read.
            return value === undefined ? [] : [...compute(value, key)];
          }),
      },
      options,
    );
    for (const key of from.keys()) derived.markDirty(key);
    from.follow((key) => derived.markDirty(key));
    this.#derived.push(derived);
    return output;
  }

  #stored<V>(name: string): StoredCollection<V> {
    const collection = new StoredCollection<V>(name, this.#collections.length, this.#around);
    this.#collections.push(collection);
    return collection;
  }
}

const noChanges: ReadonlyMap<string, never> = new Map<string, never>();
