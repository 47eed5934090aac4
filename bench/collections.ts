/**
 * What one event costs in a chain of four derived collections over 10,000 objects with an index join, against computing everything from
 * scratch for each event; and how much memory the graph needs for each object, against maps of the same values. An event changes one
 * object. Each object is in a group of five and shows the sum of its group, so that an event concerns five of the last two collections.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Graph, type Source } from '@weft/collections';
import { compare, median, spread } from './pairs.ts';

interface Item {
  readonly group: string;
  readonly amount: number;
}

const objects = 10_000;
const groups = 2_000;
const keys = Array.from({ length: objects }, (_, number) => `item-${number}`);
const itemOf = (number: number, amount = number % 97): Item => ({ group: `group-${number % groups}`, amount });

// The four derivations, the same on both sides.
const priced = ({ group, amount }: Item) => ({ group, cents: amount * 100 });
const sum = (items: readonly { readonly cents: number }[]) => items.reduce((total, { cents }) => total + cents, 0);
const shareOf = ({ group, cents }: ReturnType<typeof priced>, total: number) => ({ group, cents, total });
const text = ({ group, cents, total }: ReturnType<typeof shareOf>) => `${group}: ${cents} of ${total}`;

function incremental() {
  const graph = new Graph();
  const items: Source<Item> = graph.source('items');
  const prices = graph.derive('prices', items, priced);
  const byGroup = prices.index('group', ({ group }) => [group]);
  const totals = graph.group('totals', byGroup, (group, read) => sum(read.values(byGroup, group)));
  const shares = graph.derive('shares', prices, (price, read) => shareOf(price, read.get(totals, price.group) ?? 0));
  const texts = graph.derive('texts', shares, text);
  graph.turn(() => items.replace(keys.map((key, number) => [key, itemOf(number)] as const)));
  return { graph, items, texts };
}

function fromScratch(items: ReadonlyMap<string, Item>) {
  const prices = new Map([...items].map(([key, item]) => [key, priced(item)] as const));
  const totals = new Map([...Map.groupBy(prices.values(), ({ group }) => group)].map(([g, all]) => [g, sum(all)]));
  const shares = new Map(
    [...prices].map(([key, price]) => [key, shareOf(price, totals.get(price.group) ?? 0)] as const),
  );
  const texts = new Map([...shares].map(([key, share]) => [key, text(share)] as const));
  return { items, prices, totals, shares, texts };
}

const { graph, items, texts } = incremental();
const plain = new Map(keys.map((key, number) => [key, itemOf(number)]));
let event = 0;
/** The next event: another amount of an object somewhere. */
const next = () => {
  const number = (event++ * 7919) % objects;
  return [keys[number] ?? '', itemOf(number, 100 + (event % 1009))] as const;
};

// Both sides must come to the same before and after.
const computed = graph.turn(() => items.set(...next())).computed;
for (const [key, item] of items.entries) plain.set(key, item);
assertSame();

const rate = (events: number, take: (key: string, item: Item) => void) => async () => {
  const begin = performance.now();
  for (let count = 0; count < events; count++) take(...next());
  return events / ((performance.now() - begin) / 1000);
};
const found = await compare(
  rate(10_000, (key, item) => graph.turn(() => items.set(key, item))),
  rate(20, (key, item) => fromScratch(plain.set(key, item))),
);
graph.turn(() => {
  for (const [key, item] of plain) items.set(key, item);
});
assertSame();

console.log(`computed for one event: ${[...computed].map(([name, count]) => `${count} ${name}`).join(', ')}`);
console.log(`collections    ${spread(found.a, 'events/s')}`);
console.log(`from scratch   ${spread(found.b, 'events/s')}`);

const graphBytes = bytesPerObject(incremental);
const mapBytes = bytesPerObject(() => fromScratch(new Map(keys.map((key, number) => [key, itemOf(number)]))));
console.log(`memory         ${graphBytes.toFixed(0)} bytes per object, of which values in maps ${mapBytes.toFixed(0)}`);
console.log(`ratio collections/memory ${(graphBytes / mapBytes).toFixed(2)}`);
console.log(`ratio collections/full ${found.ratio.toFixed(0)}`);

function assertSame(): void {
  const expected = fromScratch(plain).texts;
  for (const [key, value] of expected) {
    if (texts.get(key) !== value) throw new Error(`${key}: ${texts.get(key)}, expected: ${value}`);
  }
}

/** The median of five constructions. */
function bytesPerObject(make: () => object): number {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const measured = Array.from({ length: 5 }, () => {
    gc();
    const before = process.memoryUsage().heapUsed;
    const kept = make();
    gc();
    const after = process.memoryUsage().heapUsed;
    // Used after the measurement, so that it is alive in it.
    if (Object.keys(kept).length === 0) throw new Error('nothing was made');
    return (after - before) / objects;
  });
  return median(measured);
}
