import fc from 'fast-check';

/** What every collection of a random graph holds. */
export interface Item {
  readonly n: number;
  readonly tag: string;
}

/** One more thing that a derivation reads: from the collection with a number that is taken modulo those before it. */
interface Reading {
  readonly how: 'get' | 'keys' | 'values' | 'all';
  readonly from: number;
}

/** A derived collection. */
export interface Node {
  readonly kind: 'derive' | 'deriveMany' | 'group';
  readonly input: number;
  readonly reads: readonly Reading[];
  /** How many results there are: the fewer, the more often one comes out the same. */
  readonly range: number;
  /** Throws where its sum modulo 11 is this; 11 never throws. */
  readonly throwsAt: number;
}

/** Sets an item of a source, or deletes it. */
export interface Event {
  readonly source: number;
  readonly key: string;
  readonly item: Item | undefined;
}

/** How many sources a random graph has. They are its first collections. */
export const sources = 2;

const tag = fc.constantFrom('t0', 't1', 't2');
const key = fc.constantFrom('k0', 'k1', 'k2', 'k3', 'k4', 'k5');
const item: fc.Arbitrary<Item> = fc.record({ n: fc.nat(7), tag });
const node = (throwing: boolean): fc.Arbitrary<Node> =>
  fc.record({
    kind: fc.constantFrom('derive', 'deriveMany', 'group'),
    input: fc.nat(9),
    reads: fc.array(fc.record({ how: fc.constantFrom('get', 'keys', 'values', 'all'), from: fc.nat(9) }), {
      maxLength: 3,
    }),
    range: fc.integer({ min: 1, max: 13 }),
    throwsAt: throwing ? fc.nat(11) : fc.constant(11),
  });

/** The derived collections of a graph. */
export const nodes = ({ throwing }: { readonly throwing: boolean }): fc.Arbitrary<readonly Node[]> =>
  fc.array(node(throwing), { minLength: 1, maxLength: 6 });

export const event: fc.Arbitrary<Event> = fc.record({
  source: fc.nat(sources - 1),
  key,
  item: fc.option(item, { nil: undefined, freq: 3 }),
});

/** What derivations and indexes are made of, whether a graph evaluates them or the reference does. */
export interface Reader {
  get(from: number, key: string): Item | undefined;
  keys(from: number, bucket: string): readonly string[];
  values(from: number, bucket: string): readonly Item[];
  all(from: number): readonly Item[];
}

/** The buckets of an item: none, one or two. */
export function bucketsOf({ n, tag }: Item): readonly string[] {
  if (n === 5) return [];
  return n % 3 === 0 ? [tag, 'third'] : [tag];
}

/** The outputs of one key of a node's input. `value` is undefined for a group. */
export function compute(node: Node, at: number, key: string, value: Item | undefined, read: Reader): [string, Item][] {
  let sum = value?.n ?? 0;
  if (node.kind === 'group') for (const { n } of read.values(node.input % at, key)) sum += n;
  const bucket = value?.tag ?? key;
  for (const { how, from: number } of node.reads) {
    const from = number % at;
    if (how === 'get') sum += (read.get(from, `k${sum % 6}`) ?? read.get(from, bucket))?.n ?? 1;
    else if (how === 'keys') for (const found of read.keys(from, bucket)) sum += found.charCodeAt(1);
    else for (const { n } of how === 'all' ? read.all(from) : read.values(from, bucket)) sum = sum * 3 + n;
    sum %= 10_000;
  }
  if (sum % 11 === node.throwsAt) throw new Error(`${key} gives ${sum}`);
  const output = { n: sum % node.range, tag: `t${sum % 3}` };
  if (sum % 5 === 4) return [];
  if (node.kind !== 'deriveMany') return [[key, output]];
  return [
    [`k${sum % 6}`, output],
    [`k${(sum + output.n) % 6}`, { ...output, n: output.n + 1 }],
  ];
}
