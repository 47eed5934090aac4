import { bucketsOf, compute, type Event, type Item, type Node, type Reader, sources } from './random-graph.ts';

type Items = ReadonlyMap<string, Item>;

/**
 * The meaning of a random graph, without anything incremental: every turn computes everything from scratch, except that a computation that
 * throws gives what it gave the last time.
 */
export class Reference {
  readonly #nodes: readonly Node[];
  readonly #sources: ReadonlyMap<string, Item>[];
  /** What each node last gave for each key of its input. */
  readonly #given: Map<string, readonly (readonly [string, Item])[]>[];
  /** The collections, sources first. */
  collections: readonly Items[] = [];
  /** What could not be computed, as "node key". */
  failures: readonly string[] = [];

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
    this.#sources = Array.from({ length: sources }, () => new Map());
    this.#given = nodes.map(() => new Map());
  }

  turn(events: readonly Event[]): void {
    for (const { source, key, item } of events) {
      const items = new Map(this.#sources[source]);
      if (item === undefined) items.delete(key);
      else items.set(key, item);
      this.#sources[source] = items;
    }
    const collections: Items[] = [...this.#sources];
    const failures: string[] = [];
    const read = readerOf(collections);
    this.#nodes.forEach((node, number) => {
      const last = this.#given[number] ?? new Map();
      const given = new Map<string, readonly (readonly [string, Item])[]>();
      for (const [key, value] of inputOf(node, collections)) {
        try {
          given.set(key, compute(node, collections.length, key, value, read));
        } catch {
          given.set(key, last.get(key) ?? []);
          failures.push(`${sources + number} ${key}`);
        }
      }
      this.#given[number] = given;
      const outputs = new Map<string, Item>();
      for (const key of [...given.keys()].sort()) {
        for (const [name, item] of new Map(given.get(key))) if (!outputs.has(name)) outputs.set(name, item);
      }
      collections.push(outputs);
    });
    this.collections = collections;
    this.failures = failures.sort();
  }
}

function inputOf(node: Node, collections: readonly Items[]): readonly (readonly [string, Item | undefined])[] {
  const input = [...(collections[node.input % collections.length] ?? [])];
  if (node.kind !== 'group') return input;
  return [...new Set(input.flatMap(([, item]) => bucketsOf(item)))].map((bucket) => [bucket, undefined] as const);
}

function readerOf(collections: readonly Items[]): Reader {
  const sorted = (from: number) => [...(collections[from] ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  const inBucket = (from: number, bucket: string) =>
    sorted(from).filter(([, item]) => bucketsOf(item).includes(bucket));
  return {
    get: (from, key) => collections[from]?.get(key),
    keys: (from, bucket) => inBucket(from, bucket).map(([key]) => key),
    values: (from, bucket) => inBucket(from, bucket).map(([, item]) => item),
    all: (from) => sorted(from).map(([, item]) => item),
  };
}
