import { BucketIndex, type Index } from './bucket-index.ts';
import { Claims } from './claims.ts';
import { type Change, type Collection, StoredCollection } from './collection.ts';
import { type Derivation, DerivedCollection, type DeriveOptions } from './derived.ts';
import type { Failure } from './failure.ts';
import { type Read, TrackedRead } from './read.ts';
import { sameValue } from './same-value.ts';
import { type Source, StoredSource } from './source.ts';

/** What one turn did. */
export interface Turn {
  /** Counts up from 1. */
  readonly number: number;
  /** The keys of a collection whose values differ from those before the turn, each with both values. */
  changed<V>(collection: Collection<V>): ReadonlyMap<string, Change<V>>;
  /** How many keys each collection computed, by its name. Includes keys whose values came out the same. */
  readonly computed: ReadonlyMap<string, number>;
  /** Something changed, in any collection. */
  readonly changedAnything: boolean;
}

/**
 * Collections that are derived from each other. Sources are set from outside, and every derived collection follows in turns. A turn takes
 * any number of changes and computes exactly the keys that depend on them, each at most once and in the order in which the collections were
 * created. It stops where a value comes out the same. A derived collection that is created between two turns is empty until the next one.
 * Creating or disposing one inside a derivation throws.
 */
export class Graph {
  readonly #collections = new Set<
    Pick<StoredCollection<unknown>, 'takeChanges' | 'watched' | 'undo' | 'tell' | 'failures'>
  >();
  readonly #derived = new Map<object, Pick<DerivedCollection<unknown>, 'name' | 'settle' | 'failures' | 'dispose'>>();
  readonly #read = new TrackedRead();
  #created = 0;
  #turning = false;
  #number = 0;

  /** A collection that is set from outside. `name` should be unique in the graph. */
  source<V>(name: string, { same = sameValue }: DeriveOptions<V> = {}): Source<V> {
    this.#mayCreate(name);
    const source = new StoredSource<V>(name, this.#created++, this.#read, same);
    this.#collections.add(source);
    return source;
  }

  /** A collection that never changes. */
  constant<V>(name: string, entries: Iterable<readonly [key: string, value: V]>): Collection<V> {
    const stored = this.#output<V>(name, {});
    for (const [key, value] of entries) stored.put(key, value);
    stored.tell();
    stored.takeChanges();
    this.#collections.add(stored);
    return stored;
  }

  /** The values of several collections under their own keys. If several have a key, the value of the first of them counts. */
  union<V>(name: string, inputs: readonly Collection<V>[]): Collection<V> {
    const from = inputs.map((input) => this.#input(input));
    const first = (key: string) => from.find((one) => one.peek(key) !== undefined)?.peek(key);
    const output = this.#output<V>(name, { same: Object.is });
    return this.#derive<V, V | undefined>(output, {
      connect: (owner) => {
        for (const one of from) followValues(one).connect(owner);
      },
      disconnect: (owner) => {
        for (const one of from) one.unfollow(owner);
      },
      has: (key) => first(key) !== undefined,
      compute: first,
      take: (key, result) => output.put(key, result),
    });
  }

  /**
   * Like `derive`, with a memory: `compute` is given its last output, and is called once more when the value of its input has gone (`value` is
   * undefined then). An output without an input is computed again when something that it read changes, until `compute` gives none. The
   * outputs depend on what was there before, so this belongs where facts are gathered, not where they are interpreted.
   */
  remember<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I | undefined, before: O | undefined, read: Read, key: string) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    const from = this.#input(input);
    const output = this.#output(name, options);
    return this.#derive<O, O | undefined>(output, {
      ...followValues(from),
      has: (key) => from.peek(key) !== undefined || output.peek(key) !== undefined,
      compute: (key) => compute(from.peek(key), output.peek(key), this.#read, key),
      take: (key, result) => output.put(key, result),
    });
  }

  /**
   * One output, or none for `undefined`, for each value of `input`, under the same key. `compute` is pure. If it throws, the earlier output
   * stays and `failures` lists the key until something that `compute` read changes.
   */
  derive<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    const from = this.#input(input);
    const output = this.#output(name, options);
    return this.#derive(output, {
      ...followValues(from),
      compute: (key) => {
        const value = from.peek(key);
        return value === undefined ? undefined : compute(value, this.#read, key);
      },
      take: (key, result) => output.put(key, result),
    });
  }

  /**
   * Any number of outputs for each value of `input`. If several inputs give one output key, the input whose own key sorts first counts. If
   * one input gives an output key several times, the last one counts. `compute` is pure. If it throws, the earlier outputs stay and `failures`
   * lists the key until something that `compute` read changes.
   */
  deriveMany<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => Iterable<readonly [key: string, output: O]>,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    const from = this.#input(input);
    const output = this.#output(name, options);
    const claims = new Claims(output, options.same ?? sameValue);
    return this.#derive<O, readonly (readonly [string, O])[]>(output, {
      ...followValues(from),
      compute: (key) => {
        const value = from.peek(key);
        // A generator computes while it is iterated, so that must happen here.
        return value === undefined ? [] : [...compute(value, this.#read, key)];
      },
      take: (key, outputs = []) => claims.take(key, outputs),
    });
  }

  /**
   * One output, or none for `undefined`, for each bucket that is not empty. `compute` reads what it needs from the bucket, and is pure. If it
   * throws, the earlier output stays and `failures` lists the bucket until something that `compute` read changes.
   */
  group<I, O>(
    name: string,
    index: Index<I>,
    compute: (bucket: string, read: Read) => O | undefined,
    options: DeriveOptions<O> = {},
  ): Collection<O> {
    if (!(index instanceof BucketIndex) || index.home !== this.#read) {
      throw new TypeError(`${name}: ${index.name} is not an index of this graph`);
    }
    const from: BucketIndex<I> = index;
    const output = this.#output(name, options);
    return this.#derive(output, {
      connect: (owner) => {
        for (const bucket of from.buckets()) owner.markDirty(bucket);
        from.follow(owner);
      },
      disconnect: (owner) => from.unfollow(owner),
      has: (bucket) => from.has(bucket),
      compute: (bucket) => compute(bucket, this.#read),
      take: (bucket, result) => output.put(bucket, result),
    });
  }

  /**
   * Runs `change`, which sets sources, and computes everything that depends on what it set. Reads within `change` see what it has set in
   * sources, and derived collections as they were before the turn. If `change` throws, the turn has not taken place: every source has the
   * values that it had before, and the error is thrown on. A turn within a turn throws.
   */
  turn(change: () => void): Turn {
    if (this.#turning) throw new Error('a turn cannot begin within another turn');
    this.#turning = true;
    try {
      this.#change(change);
      for (const collection of this.#collections) collection.tell();
      const computed = new Map<string, number>();
      for (const derived of this.#derived.values()) {
        const count = derived.settle();
        if (count > 0) computed.set(derived.name, (computed.get(derived.name) ?? 0) + count);
      }
      return this.#ended(computed);
    } finally {
      this.#turning = false;
    }
  }

  /** Everything that could not be computed and is as it was before, in the order of the collections and then of the keys. */
  failures(): readonly Failure[] {
    const failures: Failure[] = [];
    const add = (found: Iterable<Failure>) => failures.push(...[...found].sort((a, b) => (a.key < b.key ? -1 : 1)));
    for (const collection of this.#collections) {
      const derived = this.#derived.get(collection);
      if (derived !== undefined) add(derived.failures.values());
      add(collection.failures());
    }
    return failures;
  }

  /** Removes a derived collection for good. Throws within a turn, for a source, and while other collections depend on this one. */
  dispose(collection: Collection<unknown>): void {
    const { name } = collection;
    const derived = this.#derived.get(collection);
    if (!(collection instanceof StoredCollection) || derived === undefined) {
      throw new TypeError(`${name} is not a derived collection of this graph`);
    }
    if (this.#turning) throw new Error(`${name} cannot be disposed within a turn`);
    const dependents = collection.dependents();
    if (dependents.length > 0) throw new Error(`${name} cannot be disposed: in use by ${dependents.join(', ')}`);
    derived.dispose();
    this.#derived.delete(collection);
    this.#collections.delete(collection);
  }

  /** How many keys and buckets have readers. For tests of leaks. */
  get watched(): number {
    let count = 0;
    for (const { watched } of this.#collections) count += watched;
    return count;
  }

  #change(change: () => void): void {
    this.#read.changing = true;
    try {
      change();
    } catch (error) {
      for (const collection of this.#collections) collection.undo();
      throw error;
    } finally {
      this.#read.changing = false;
    }
  }

  #ended(computed: ReadonlyMap<string, number>): Turn {
    this.#number++;
    const changes = new Map<object, ReadonlyMap<string, Change<unknown>>>();
    for (const collection of this.#collections) {
      const changed = collection.takeChanges();
      if (changed.size > 0) changes.set(collection, changed);
    }
    return {
      number: this.#number,
      computed,
      changedAnything: changes.size > 0,
      // The changes under a collection's key came from that collection, so they have its type.
      changed: <V>(collection: Collection<V>) =>
        (changes.get(collection) ?? noChanges) as ReadonlyMap<string, Change<V>>,
    };
  }

  #derive<O, R>(output: StoredCollection<O>, derivation: Derivation<R>): Collection<O> {
    this.#collections.add(output);
    this.#derived.set(output, new DerivedCollection(output, this.#read, derivation));
    return output;
  }

  #input<I>(input: Collection<I>): StoredCollection<I> {
    if (input instanceof StoredCollection && input.home === this.#read) return input;
    throw new TypeError(`${input.name} is not a collection of this graph`);
  }

  #output<O>(name: string, { same = sameValue }: DeriveOptions<O>): StoredCollection<O> {
    this.#mayCreate(name);
    return new StoredCollection<O>(name, this.#created++, this.#read, same);
  }

  #mayCreate(name: string): void {
    if (this.#read.computing) throw new Error(`${name}: a derivation cannot create a collection`);
  }
}

function followValues<I>(from: StoredCollection<I>): Pick<Derivation<unknown>, 'connect' | 'disconnect' | 'has'> {
  return {
    connect: (owner) => {
      for (const key of from.peekKeys()) owner.markDirty(key);
      from.follow(owner);
    },
    disconnect: (owner) => from.unfollow(owner),
    has: (key) => from.peek(key) !== undefined,
  };
}

const noChanges: ReadonlyMap<string, never> = new Map<string, never>();
