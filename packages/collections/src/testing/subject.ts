import { type Change, type Collection, Graph, type Index, type Read, type Source, type Turn } from '../index.ts';
import { bucketsOf, compute, type Event, type Item, type Node, type Reader, sources } from './random-graph.ts';

/** What a computation depends on: what it read, and the value or the bucket that it is of. */
export type What = keyof Reader | 'value' | 'bucket';

/** One computation: its key, and what it read with what it got. */
export interface Computation {
  readonly node: number;
  readonly key: string;
  readonly reads: readonly (readonly [read: What, from: number, key: string, got: unknown])[];
}

/** A random graph, evaluated by a `Graph`. It records what is computed. */
export class Subject {
  readonly graph = new Graph();
  readonly collections: Collection<Item>[] = [];
  readonly #sources: Source<Item>[] = [];
  readonly #indexes: Index<Item>[] = [];
  #computations: Computation[] = [];

  constructor(nodes: readonly Node[]) {
    for (let number = 0; number < sources; number++) {
      const source = this.graph.source<Item>(`c${number}`);
      this.#sources.push(source);
      this.#add(source);
    }
    for (const node of nodes) this.#add(this.#derived(node));
  }

  /** Runs a turn. Returns what it computed, too. */
  turn(events: readonly Event[]): { readonly turn: Turn; readonly computations: readonly Computation[] } {
    this.#computations = [];
    const turn = this.graph.turn(() => {
      for (const { source, key, item } of events) {
        if (item === undefined) this.#sources[source]?.delete(key);
        else this.#sources[source]?.set(key, { ...item });
      }
    });
    return { turn, computations: this.#computations };
  }

  /** Copies of all collections, in the order of their keys. */
  contents(): readonly ReadonlyMap<string, Item>[] {
    return this.collections.map(({ entries }) => sortedByKey(entries));
  }

  /** What could not be computed, as "node key". */
  failures(): readonly string[] {
    return this.graph
      .failures()
      .map(({ collection, key }) => `${collection.slice(1)} ${key}`)
      .sort();
  }

  /** What a read gives now, between two turns. */
  now(read: What, from: number, key: string): unknown {
    const collection = this.collections[from];
    if (read === 'get' || read === 'value') return collection?.get(key);
    if (read === 'bucket') return this.#indexes[from]?.keysIn(key).length !== 0;
    if (read === 'all') return collection?.values();
    return read === 'keys' ? this.#indexes[from]?.keysIn(key) : this.#indexes[from]?.valuesIn(key);
  }

  #add(collection: Collection<Item>): void {
    this.collections.push(collection);
    this.#indexes.push(collection.index('buckets', bucketsOf));
  }

  #derived(node: Node): Collection<Item> {
    const at = this.collections.length;
    const input = node.input % at;
    const outputs = (key: string, value: Item | undefined, read: Read) => {
      const of =
        value === undefined ? (['bucket', input, key, true] as const) : (['value', input, key, value] as const);
      const reads: Computation['reads'][number][] = [of];
      this.#computations.push({ node: at, key, reads });
      const noted = <T>(how: keyof Reader, from: number, key: string, got: T): T => {
        reads.push([how, from, key, got]);
        return got;
      };
      return compute(node, at, key, value, {
        get: (from, key) => noted('get', from, key, read.get(this.#collection(from), key)),
        keys: (from, bucket) => noted('keys', from, bucket, read.keys(this.#index(from), bucket)),
        values: (from, bucket) => noted('values', from, bucket, read.values(this.#index(from), bucket)),
        all: (from) => noted('all', from, '', read.all(this.#collection(from))),
      });
    };
    const first = (all: readonly (readonly [string, Item])[]) => all[0]?.[1];
    if (node.kind === 'group') {
      return this.graph.group(`c${at}`, this.#index(input), (bucket, read) => first(outputs(bucket, undefined, read)));
    }
    const from = this.#collection(input);
    return node.kind === 'derive'
      ? this.graph.derive(`c${at}`, from, (value, read, key) => first(outputs(key, value, read)))
      : this.graph.deriveMany(`c${at}`, from, (value, read, key) => outputs(key, value, read));
  }

  #collection(number: number): Collection<Item> {
    const collection = this.collections[number];
    if (collection === undefined) throw new Error(`no collection ${number}`);
    return collection;
  }

  #index(number: number): Index<Item> {
    const index = this.#indexes[number];
    if (index === undefined) throw new Error(`no index ${number}`);
    return index;
  }
}

/** A copy whose entries are in the order of their keys, as comparisons need it. */
export function sortedByKey<V>(entries: ReadonlyMap<string, V>): ReadonlyMap<string, V> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What changed from one state of a collection to another. */
export function changesBetween(before: ReadonlyMap<string, Item>, after: ReadonlyMap<string, Item>) {
  const changes = new Map<string, Change<Item>>();
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)];
    if (was === is) continue;
    changes.set(key, { ...(was && { before: was }), ...(is && { after: is }) });
  }
  return sortedByKey(changes);
}
