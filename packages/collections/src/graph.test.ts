import test from 'ava';
import { Graph } from './graph.ts';

test('graph: a change computes what depends on it, and nothing else', (t) => {
  const graph = new Graph();
  const numbers = graph.source<number>('numbers');
  const doubled = graph.derive('doubled', numbers, (value) => value * 2);
  const parity = numbers.index('parity', (value) => [value % 2 === 0 ? 'even' : 'odd']);
  const sums = graph.group('sums', parity, (bucket, read) =>
    read.values(parity, bucket).reduce((sum, value) => sum + value, 0),
  );
  graph.turn(() => {
    for (let i = 1; i <= 4; i++) numbers.set(`n${i}`, i);
  });
  t.deepEqual(Object.fromEntries(sums.entries), { even: 6, odd: 4 });
  const turn = graph.turn(() => numbers.set('n1', 5));
  t.deepEqual(Object.fromEntries(turn.computed), { doubled: 1, sums: 1 });
  t.deepEqual(turn.changed(sums).get('odd'), { before: 4, after: 8 });
  t.is(doubled.get('n1'), 10);
});
