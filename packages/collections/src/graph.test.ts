import test from 'ava';
import { Graph } from './graph.ts';

/** Numbers by key, their doubles, and the sums of the even and of the odd ones. */
function evenAndOdd() {
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
  return { graph, numbers, doubled, parity, sums };
}

test('graph: a change computes what depends on it, and nothing else', (t) => {
  const { graph, numbers, doubled, sums } = evenAndOdd();
  t.deepEqual(Object.fromEntries(sums.entries), { even: 6, odd: 4 });
  const turn = graph.turn(() => numbers.set('n1', 5));
  t.deepEqual(Object.fromEntries(turn.computed), { doubled: 1, sums: 1 });
  t.deepEqual(turn.changed(sums).get('odd'), { before: 4, after: 8 });
  t.is(doubled.get('n1'), 10);
});

test('graph: a value that comes out the same keeps its object and stops the wave', (t) => {
  const graph = new Graph();
  const people = graph.source<{ readonly name: string; readonly age: number }>('people');
  const names = graph.derive('names', people, ({ name }) => ({ name }));
  const greetings = graph.derive('greetings', names, ({ name }) => `Hello ${name}`);
  graph.turn(() => people.set('a', { name: 'Ada', age: 36 }));
  const name = names.get('a');
  const turn = graph.turn(() => people.set('a', { name: 'Ada', age: 37 }));
  t.deepEqual(Object.fromEntries(turn.computed), { names: 1 });
  t.deepEqual([...turn.changed(people).keys()], ['a']);
  t.is(turn.changed(names).size, 0);
  t.is(names.get('a'), name);
  t.is(greetings.get('a'), 'Hello Ada');
  t.false(graph.turn(() => people.set('a', { name: 'Ada', age: 37 })).changedAnything);
});

test('graph: what a turn sets and sets back is no change', (t) => {
  const { graph, numbers, parity, sums } = evenAndOdd();
  const turn = graph.turn(() => {
    numbers.set('n1', 2);
    numbers.delete('n2');
    numbers.set('n3', 7);
    // Brings the index up to date in the middle of the turn.
    t.deepEqual(parity.keysIn('odd'), ['n3']);
    numbers.set('n1', 1);
    numbers.set('n2', 2);
    numbers.set('n3', 3);
  });
  t.false(turn.changedAnything);
  t.deepEqual(Object.fromEntries(sums.entries), { even: 6, odd: 4 });
  const quiet = graph.turn(() => {
    numbers.set('n1', 2);
    numbers.set('n1', 1);
  });
  t.is(quiet.computed.size, 0);
});

test('graph: a collection may choose what counts as the same', (t) => {
  const graph = new Graph();
  const same = (a: number, b: number) => Math.floor(a) === Math.floor(b);
  const levels = graph.source<number>('levels', { same });
  const doubled = graph.derive('doubled', levels, (level) => level * 2, { same });
  graph.turn(() => levels.set('a', 1.1));
  t.false(graph.turn(() => levels.set('a', 1.9)).changedAnything);
  t.is(doubled.get('a'), 2.2);
});

test('graph: during a turn, derived collections are as before and sources as set', (t) => {
  const { graph, numbers, doubled, parity } = evenAndOdd();
  graph.turn(() => {
    numbers.set('n5', 5);
    t.is(numbers.get('n5'), 5);
    t.true(numbers.has('n5'));
    t.deepEqual(parity.keysIn('odd'), ['n1', 'n3', 'n5']);
    t.deepEqual(parity.valuesIn('odd'), [1, 3, 5]);
    t.is(doubled.get('n5'), undefined);
  });
  t.is(doubled.get('n5'), 10);
});

test('graph: a turn whose change throws has not taken place', (t) => {
  const { graph, numbers, doubled, parity, sums } = evenAndOdd();
  const error = new Error('no more');
  const thrown = t.throws(() =>
    graph.turn(() => {
      numbers.set('n1', 100);
      t.deepEqual(parity.keysIn('even'), ['n1', 'n2', 'n4']);
      numbers.delete('n2');
      numbers.set('n9', 9);
      throw error;
    }),
  );
  t.is(thrown, error);
  t.deepEqual(Object.fromEntries(numbers.entries), { n1: 1, n2: 2, n3: 3, n4: 4 });
  t.deepEqual(parity.keysIn('even'), ['n2', 'n4']);
  t.is(doubled.get('n1'), 2);
  const turn = graph.turn(() => numbers.set('n3', 5));
  t.is(turn.number, 2);
  t.deepEqual([...turn.changed(numbers).keys()], ['n3']);
  t.deepEqual(Object.fromEntries(sums.entries), { even: 6, odd: 6 });
});

test('graph: sources change only within a turn, and turns do not nest', (t) => {
  const { graph, numbers } = evenAndOdd();
  const message = 'numbers: a source changes only within `Graph.turn`';
  t.throws(() => numbers.set('n1', 2), { message });
  t.throws(() => numbers.delete('n1'), { message });
  t.throws(() => numbers.replace([]), { message });
  t.throws(() => graph.turn(() => graph.turn(() => undefined)), { message: 'a turn cannot begin within another turn' });
  t.deepEqual(graph.turn(() => undefined).computed.size, 0);
});

test('graph: replace sets, keeps and deletes', (t) => {
  const { graph, numbers, doubled } = evenAndOdd();
  const turn = graph.turn(() =>
    numbers.replace([
      ['n1', 1],
      ['n2', 3],
      ['n2', 4],
      ['n7', 7],
    ]),
  );
  t.deepEqual([...turn.changed(numbers).keys()].sort(), ['n2', 'n3', 'n4', 'n7']);
  t.deepEqual(doubled.keys(), ['n1', 'n2', 'n7']);
  t.deepEqual(doubled.values(), [2, 8, 14]);
});

test('graph: within a derivation, nothing but `read` reads, sets or creates', (t) => {
  const graph = new Graph();
  const others = graph.source<number>('others');
  const index = others.index('all', () => ['all']);
  const attempts: Record<string, () => unknown> = {
    get: () => others.get('a'),
    has: () => others.has('a'),
    size: () => others.size,
    entries: () => others.entries,
    keys: () => others.keys(),
    values: () => others.values(),
    keysIn: () => index.keysIn('all'),
    valuesIn: () => index.valuesIn('all'),
    buckets: () => index.buckets(),
    index: () => others.index('more', () => []),
    set: () => others.set('a', 1),
    turn: () => graph.turn(() => undefined),
    source: () => graph.source('more'),
    derive: () => graph.derive('more', others, () => 1),
    group: () => graph.group('more', index, () => 1),
  };
  const inputs = graph.source<string>('inputs');
  graph.derive('attempts', inputs, (name) => attempts[name]?.());
  graph.turn(() => inputs.replace(Object.keys(attempts).map((name) => [name, name] as const)));
  t.deepEqual(
    graph.failures().map(({ key }) => key),
    Object.keys(attempts).sort(),
  );
  const messageOf = (name: string) => String(graph.failures().find(({ key }) => key === name)?.error);
  t.regex(messageOf('valuesIn'), /others: a derivation must read through its `read`/);
  t.regex(messageOf('set'), /others: a source changes only within/);
  t.regex(messageOf('derive'), /more: a derivation cannot create a collection/);
});

test('graph: a derivation may not read what was created after it, or elsewhere', (t) => {
  const graph = new Graph();
  const inputs = graph.source<number>('inputs');
  const elsewhere = new Graph().source<number>('elsewhere');
  const early = graph.derive('early', inputs, (value, read): unknown => {
    if (value === 1) return read.get(late, 'a');
    if (value === 2) return read.values(lateIndex, 'a');
    if (value === 3) return read.get(early, 'a');
    if (value === 4) return read.all(elsewhere);
    return 0;
  });
  const late = graph.source<number>('late');
  const lateIndex = late.index('self', (_, key) => [key]);
  graph.turn(() => inputs.replace([1, 2, 3, 4].map((value) => [`${value}`, value] as const)));
  t.deepEqual(
    graph.failures().map(({ error }) => (error instanceof Error ? error.message : error)),
    [
      'early cannot read late: it may read only collections created before itself',
      'early cannot read late self: it may read only collections created before itself',
      'early cannot read early: it may read only collections created before itself',
      'early cannot read elsewhere: disposed, or of another graph',
    ],
  );
  t.is(graph.watched, 0);
  t.throws(() => graph.derive('more', elsewhere, () => 1), { message: 'elsewhere is not a collection of this graph' });
});

test('graph: `read` ends with the computation', (t) => {
  const graph = new Graph();
  const inputs = graph.source<number>('inputs');
  const lazy = graph.derive('lazy', inputs, (_, read) => () => read.get(inputs, 'a'));
  graph.turn(() => inputs.set('a', 1));
  t.throws(() => lazy.get('a')?.(), { message: 'inputs: `read` works only while a derivation is computed' });
});

test('graph: a derivation that throws keeps its output, is listed, and recovers with what it read', (t) => {
  const graph = new Graph();
  const limits = graph.source<number>('limits');
  const values = graph.source<number>('values');
  const checked = graph.derive('checked', values, (value, read) => {
    const limit = read.get(limits, 'max') ?? 10;
    if (value > limit) throw new RangeError(`${value} must be at most ${limit}`);
    return value;
  });
  graph.turn(() => {
    values.set('a', 1);
    values.set('b', 2);
  });
  graph.turn(() => {
    values.set('a', 20);
    values.set('b', 3);
  });
  t.is(checked.get('a'), 1);
  t.is(checked.get('b'), 3);
  const [failure, ...more] = graph.failures();
  t.like(failure, { collection: 'checked', key: 'a', error: { message: '20 must be at most 10' } });
  t.deepEqual(more, []);
  // Something else changes: it is not tried again.
  t.deepEqual(Object.fromEntries(graph.turn(() => values.set('c', 4)).computed), { checked: 1 });
  graph.turn(() => limits.set('max', 30));
  t.is(checked.get('a'), 20);
  t.deepEqual(graph.failures(), []);
  graph.turn(() => limits.set('max', 5));
  t.deepEqual(
    graph.failures().map(({ key }) => key),
    ['a'],
  );
  graph.turn(() => values.delete('a'));
  t.deepEqual(graph.failures(), []);
  t.false(checked.has('a'));
});

test('graph: an error while comparing counts as a failure of the derivation', (t) => {
  const graph = new Graph();
  const values = graph.source<number>('values');
  const same = (a: number, b: number) => {
    if (b === 13) throw new Error('unlucky');
    return a === b;
  };
  const one = graph.derive('one', values, (value) => value, { same });
  const many = graph.deriveMany('many', values, (value) => [['x', value] as const], { same });
  for (const value of [1, 13]) graph.turn(() => values.set('a', value));
  t.deepEqual(
    graph.failures().map(({ collection }) => collection),
    ['one', 'many'],
  );
  t.deepEqual([one.get('a'), many.get('x')], [1, 1]);
  graph.turn(() => values.set('a', 2));
  t.deepEqual(graph.failures(), []);
  t.deepEqual([one.get('a'), many.get('x')], [2, 2]);
});

test('graph: an index that throws keeps the key where it was, and the turn goes on', (t) => {
  const graph = new Graph();
  const values = graph.source<number>('values');
  const odd = values.index('odd', (value) => {
    if (value < 0) throw new RangeError(`${value} is negative`);
    return value % 2 === 1 ? 'odd' : [];
  });
  const sums = graph.group('sums', odd, (bucket, read) => read.values(odd, bucket).reduce((a, b) => a + b, 0));
  graph.turn(() =>
    values.replace([
      ['a', 1],
      ['b', 3],
    ]),
  );
  graph.turn(() =>
    values.replace([
      ['a', -1],
      ['b', 5],
      ['c', 7],
    ]),
  );
  t.is(sums.get('odd'), 11);
  t.like(graph.failures(), [{ collection: 'values odd', key: 'a' }]);
  graph.turn(() => values.set('a', 2));
  t.is(sums.get('odd'), 12);
  t.deepEqual(graph.failures(), []);
});

test('graph: of several inputs that give one output, the first in order counts', (t) => {
  const graph = new Graph();
  const sources = graph.source<readonly string[]>('sources');
  const owners = graph.deriveMany('owners', sources, (names, _, key) => names.map((name) => [name, key] as const));
  const ofX = () => owners.get('x');
  graph.turn(() => sources.set('m', ['x', 'y']));
  t.is(ofX(), 'm');
  graph.turn(() => sources.set('z', ['x']));
  t.is(ofX(), 'm');
  graph.turn(() => sources.set('a', ['x']));
  t.is(ofX(), 'a');
  graph.turn(() => sources.set('a', []));
  t.is(ofX(), 'm');
  graph.turn(() => sources.delete('m'));
  t.is(ofX(), 'z');
  t.is(owners.get('y'), undefined);
  graph.turn(() => sources.delete('z'));
  t.is(ofX(), undefined);
  t.is(owners.size, 0);
});

test('graph: an output that moves to another input and is the same is no change', (t) => {
  const graph = new Graph();
  const sources = graph.source<readonly string[]>('sources');
  const colors = graph.deriveMany('colors', sources, (names) => names.map((name) => [name, { name }] as const));
  const shown = graph.derive('shown', colors, ({ name }) => name);
  graph.turn(() => sources.set('a', ['red']));
  const red = colors.get('red');
  const turn = graph.turn(() => {
    sources.set('a', []);
    sources.set('b', ['red']);
  });
  t.deepEqual(Object.fromEntries(turn.computed), { colors: 2 });
  t.is(turn.changed(colors).size, 0);
  t.is(colors.get('red'), red);
  t.is(shown.get('red'), 'red');
});

test('graph: a collection that is created late fills with the next turn', (t) => {
  const { graph, numbers } = evenAndOdd();
  const big = graph.derive('big', numbers, (value) => (value > 2 ? value : undefined));
  t.is(big.size, 0);
  graph.turn(() => undefined);
  t.deepEqual(big.keys(), ['n3', 'n4']);
});

test('graph: a derived collection is disposed once nothing depends on it', (t) => {
  const { graph, numbers, doubled } = evenAndOdd();
  const index = doubled.index('all', () => 'all');
  const count = graph.group('count', index, (bucket, read) => read.keys(index, bucket).length);
  const reader = graph.derive('reader', numbers, (_, read, key) => read.get(doubled, key));
  graph.turn(() => undefined);
  const before = graph.watched;
  t.throws(() => graph.dispose(doubled), { message: 'doubled cannot be disposed: in use by count, reader' });
  t.throws(() => graph.dispose(numbers), { message: 'numbers is not a derived collection of this graph' });
  t.throws(() => graph.turn(() => graph.dispose(reader)), { message: 'reader cannot be disposed within a turn' });
  graph.dispose(reader);
  graph.dispose(count);
  t.true(graph.watched < before);
  graph.dispose(doubled);
  t.is(doubled.size, 0);
  t.throws(() => graph.dispose(doubled), { message: 'doubled is not a derived collection of this graph' });
  const late = graph.derive('late', numbers, (_, read, key) => read.get(doubled, key));
  const turn = graph.turn(() => numbers.set('n1', 9));
  t.deepEqual([...turn.computed.keys()], ['sums', 'late']);
  t.is(late.size, 0);
  t.regex(String(graph.failures()[0]?.error), /late cannot read doubled: disposed/);
});

test('graph: a cell depends on what its last computation read, and on nothing before', (t) => {
  const graph = new Graph();
  const pointers = graph.source<string>('pointers');
  const targets = graph.source<number>('targets');
  const followed = graph.derive('followed', pointers, (to, read) => read.get(targets, to));
  graph.turn(() => {
    pointers.set('p', 'a');
    targets.set('a', 1);
    targets.set('b', 2);
  });
  graph.turn(() => pointers.set('p', 'b'));
  t.is(graph.turn(() => targets.set('a', 10)).computed.size, 0);
  t.is(graph.turn(() => targets.set('b', 20)).computed.get('followed'), 1);
  t.is(followed.get('p'), 20);
  t.is(graph.watched, 1);
});
