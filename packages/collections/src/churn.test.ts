import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { Graph } from './graph.ts';

interface Item {
  readonly group: string;
  readonly n: number;
}

test('churn: 200,000 events leave the heap and the watchers where they were after 20,000', (t) => {
  const graph = new Graph();
  const items = graph.source<Item>('items');
  const settings = graph.source<number>('settings');
  const priced = graph.derive('priced', items, (item, read) => ({ ...item, max: read.get(settings, item.group) ?? 0 }));
  const byGroup = priced.index('group', ({ group, n }) => [group, `${group}/${n % 3}`]);
  const sizes = graph.group('sizes', byGroup, (group, read) => read.keys(byGroup, group).length);
  const parts = graph.deriveMany('parts', priced, ({ group, n }, read, key) => {
    if (n % 7 === 0) throw new Error(`${key} cannot be divided`);
    return [
      [`${group}:${read.get(sizes, group)}`, n] as const,
      [key, read.values(byGroup, `${group}/1`).length] as const,
    ];
  });
  let turn = 0;
  const churn = (turns: number) => {
    for (const end = turn + turns; turn < end; turn++) {
      graph.turn(() => {
        // Keys and groups never return, and 50 objects live at a time.
        items.set(`item-${turn}`, { group: `group-${turn >> 3}`, n: turn });
        items.delete(`item-${turn - 50}`);
        settings.set(`group-${turn >> 3}`, turn % 2);
        settings.delete(`group-${(turn >> 3) - 10}`);
      });
    }
  };
  // Four events in each turn.
  churn(5_000);
  const [heap, watched] = [usedHeap(), graph.watched];
  churn(45_000);
  const grown = usedHeap() - heap;
  t.true(grown < 1_000_000, `the heap has grown by ${grown} bytes`);
  t.true(Math.abs(graph.watched - watched) < 20, `${graph.watched} watched, expected about ${watched}`);
  t.true(parts.size < 200);
  graph.turn(() => {
    items.replace([]);
    settings.replace([]);
  });
  t.is(graph.watched, 0);
  t.deepEqual([priced.size, sizes.size, parts.size, [...byGroup.buckets()].length], [0, 0, 0, 0]);
  t.deepEqual(graph.failures(), []);
});

/** Bytes in use after a garbage collection. */
function usedHeap(): number {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  gc();
  return process.memoryUsage().heapUsed;
}
