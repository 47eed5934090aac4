import test from 'ava';
import { Graph } from './graph.ts';

test('union: the earlier collection counts, and its value gives way to the later one when it goes', (t) => {
  const graph = new Graph();
  const first = graph.source<number>('first');
  const second = graph.source<number>('second');
  const both = graph.union('both', [first, second]);
  graph.turn(() => {
    second.set('a', 2);
    second.set('b', 2);
    first.set('a', 1);
  });
  t.deepEqual(Object.fromEntries(both.entries), { a: 1, b: 2 });
  const hidden = graph.turn(() => second.set('a', 3));
  t.is(hidden.changed(both).size, 0);
  graph.turn(() => first.delete('a'));
  t.deepEqual(Object.fromEntries(both.entries), { a: 3, b: 2 });
  graph.turn(() => second.replace([]));
  t.is(both.size, 0);
});

test('remember: an output outlives its input for as long as it is needed, and nothing is kept after', (t) => {
  const graph = new Graph();
  const values = graph.source<number>('values');
  const needed = graph.source<true>('needed');
  const kept = graph.remember<number, number>('kept', values, (value, before, read, key) => {
    if (value !== undefined) return value;
    return read.get(needed, key) ? before : undefined;
  });
  graph.turn(() => {
    needed.set('a', true);
    values.set('a', 1);
    values.set('b', 1);
  });
  const gone = graph.turn(() => values.replace([]));
  t.deepEqual(Object.fromEntries(kept.entries), { a: 1 });
  t.is(gone.changed(kept).size, 1);
  t.is(
    graph
      .turn(() => needed.delete('a'))
      .changed(kept)
      .get('a')?.after,
    undefined,
  );
  t.is(kept.size, 0);
  t.is(graph.watched, 0);
  t.is(graph.turn(() => needed.set('a', true)).computed.size, 0);
});
