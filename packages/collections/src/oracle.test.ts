import { isDeepStrictEqual } from 'node:util';
import { fc, testProp } from '@fast-check/ava';
import { event, nodes } from './testing/random-graph.ts';
import { Reference } from './testing/reference.ts';
import { type Computation, changesBetween, Subject, sortedByKey, type What } from './testing/subject.ts';

const turns = fc.array(fc.array(event, { maxLength: 6 }), { minLength: 1, maxLength: 8 });
const numRuns = Number(process.env.ORACLE_RUNS ?? 1000);

testProp(
  'oracle: after every turn, a graph equals one that computes everything from scratch',
  [nodes({ throwing: true }), turns],
  (t, plan, turns) => {
    const subject = new Subject(plan);
    const reference = new Reference(plan);
    for (const events of turns) {
      subject.turn(events);
      reference.turn(events);
      t.deepEqual(subject.contents(), reference.collections.map(sortedByKey));
      t.deepEqual(subject.failures(), reference.failures);
    }
    // Everything goes: nothing may be left of what anything read.
    const all = turns.flat().map(({ source, key }) => ({ source, key, item: undefined }));
    subject.turn(all);
    t.true(subject.collections.every(({ size }) => size === 0));
    t.is(subject.graph.watched, 0);
    t.deepEqual(subject.failures(), []);
  },
  { numRuns },
);

testProp(
  'oracle: a turn computes each key at most once, and only where something it read has changed',
  [nodes({ throwing: true }), turns],
  (t, plan, turns) => {
    const subject = new Subject(plan);
    const last = new Map<string, Computation>();
    for (const events of turns) {
      const { turn, computations } = subject.turn(events);
      const counts = new Map<string, number>();
      for (const computation of computations) {
        const { node, key, reads } = computation;
        counts.set(`c${node}`, (counts.get(`c${node}`) ?? 0) + 1);
        const id = `${node} ${key}`;
        const before = last.get(id);
        last.set(id, computation);
        if (before === undefined) continue;
        const differs = before.reads.some(([how, from, what, got]) => !sameItems(subject.now(how, from, what), got));
        t.true(differs, `${id} was computed for nothing: ${JSON.stringify(reads)}`);
      }
      t.is(new Set(computations.map(({ node, key }) => `${node} ${key}`)).size, computations.length);
      t.deepEqual(new Map(turn.computed), counts);
      for (const [id, { reads }] of last)
        if (reads.some(([how, from, key]) => gone(subject, how, from, key))) last.delete(id);
    }
  },
  { numRuns },
);

testProp(
  'oracle: a turn reports exactly what differs, and keeps the objects that are the same',
  [nodes({ throwing: true }), turns],
  (t, plan, turns) => {
    const subject = new Subject(plan);
    for (const events of turns) {
      const before = subject.contents();
      const { turn } = subject.turn(events);
      let changed = false;
      subject.collections.forEach((collection, number) => {
        const expected = changesBetween(before[number] ?? new Map(), collection.entries);
        t.deepEqual(sortedByKey(turn.changed(collection)), expected);
        for (const { before, after } of expected.values()) t.false(isDeepStrictEqual(before, after));
        if (expected.size > 0) changed = true;
      });
      t.is(turn.changedAnything, changed);
    }
  },
  { numRuns },
);

testProp(
  'oracle: neither the order of events nor their distribution over turns matters',
  [nodes({ throwing: false }), turns, fc.array(fc.nat(), { minLength: 12, maxLength: 12 })],
  (t, plan, turns, order) => {
    const subject = new Subject(plan);
    for (const events of turns) subject.turn(events);
    const final = [...new Map(turns.flat().map((event) => [`${event.source} ${event.key}`, event])).values()];
    const shuffled = final
      .map((event, at) => ({ event, rank: order[at] ?? 0 }))
      .sort((a, b) => a.rank - b.rank)
      .map(({ event }) => event);
    const other = new Subject(plan);
    for (const event of shuffled) other.turn([event]);
    const fresh = new Subject(plan);
    fresh.turn(shuffled);
    t.deepEqual(subject.contents(), fresh.contents());
    t.deepEqual(other.contents(), fresh.contents());
  },
  { numRuns },
);

testProp(
  'oracle: after all failures are gone, nothing shows that they have been',
  [nodes({ throwing: true }), turns],
  (t, plan, turns) => {
    const subject = new Subject(plan);
    for (const events of turns) subject.turn(events);
    const fresh = new Subject(plan);
    fresh.turn(turns.flat());
    if (fresh.failures().length === 0) t.deepEqual(subject.contents(), fresh.contents());
    else t.pass();
  },
  { numRuns },
);

function sameItems(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => item === b[at]);
  return a === b;
}

/** A key whose input has gone is computed anew when it comes back. */
function gone(subject: Subject, what: What, from: number, key: string): boolean {
  return (what === 'value' || what === 'bucket') && !subject.now(what, from, key);
}
