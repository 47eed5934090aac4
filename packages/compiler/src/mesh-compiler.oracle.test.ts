import { isDeepStrictEqual } from 'node:util';
import { fc, testProp } from '@fast-check/ava';
import type { ViewChange } from './envoy/resource.ts';
import { FaultyGraph } from './testing/faulty-graph.ts';
import { MeshSubject } from './testing/mesh-subject.ts';
import { firstMs, type MeshEvent, randomTurns, remaining } from './testing/random-mesh.ts';
import { missingReferences } from './testing/references.ts';

// A run costs 25 ms of CPU time. `make soak` has 20,000; every run has other sequences.
const numRuns = Number(process.env.ORACLE_RUNS ?? 400);
/** A busy machine takes its time, and says nothing meanwhile. */
const patienceMs = 600_000;
const order = fc.array(fc.nat(1000), { minLength: 16, maxLength: 16 });

testProp(
  'oracle: after every turn the compiler shows what a new one makes of the same facts, and tells of every change',
  [randomTurns, order],
  (t, turns, order) => {
    t.timeout(patienceMs);
    const subject = new MeshSubject();
    const events: MeshEvent[] = [];
    let nowMs = firstMs;
    for (const [at, turn] of turns.entries()) {
      nowMs += turn.laterMs;
      events.push(...turn.events);
      const before = subject.versions();
      const { changes } = subject.turn(turn.events, nowMs);
      // The first turn is a fresh compile itself.
      if (at > 0) same(subject.shown(), compiled(events, order, nowMs, subject).shown());
      checkChanges(before, subject.versions(), changes);
      for (const id of subject.connected) {
        const snapshot = subject.compiler.snapshot(id);
        if (snapshot) same(missingReferences(snapshot), []);
      }
    }
    t.pass();
  },
  { numRuns },
);

testProp(
  'oracle: neither the order of events nor their distribution over turns matters',
  [randomTurns, order],
  (t, turns, order) => {
    t.timeout(patienceMs);
    const nowMs = turns.reduce((sum, { laterMs }) => sum + laterMs, firstMs);
    const left = shuffled(remaining(turns.flatMap(({ events }) => events)), order);
    const oneByOne = new MeshSubject();
    for (const [at, event] of left.entries()) oneByOne.turn([event], Math.min(nowMs, firstMs + at));
    oneByOne.turn([], nowMs);
    same(oneByOne.shown(), compiled(left, [], nowMs, oneByOne).shown());
    t.pass();
  },
  { numRuns: Math.ceil(numRuns / 10) },
);

testProp(
  'oracle: nothing is left of facts that are gone',
  [randomTurns],
  (t, turns) => {
    t.timeout(patienceMs);
    const subject = new MeshSubject();
    const nowMs = firstMs;
    for (const { events } of turns) subject.turn(events, nowMs);
    subject.turn(removals(turns.flatMap(({ events }) => events)), nowMs);
    same(subject.shown(), compiled([], [], nowMs).shown());
    t.is(subject.graph.watched, compiled([], [], nowMs).graph.watched);
  },
  { numRuns: Math.ceil(numRuns / 10) },
);

testProp(
  'oracle: after derivations have thrown anywhere, nothing shows it once their resources are there anew',
  [randomTurns, fc.nat(9)],
  (t, turns, broken) => {
    t.timeout(patienceMs);
    const graph = new FaultyGraph();
    const subject = new MeshSubject(graph);
    const events = turns.flatMap(({ events }) => events);
    const nowMs = firstMs;
    for (const [at, turn] of turns.entries()) {
      graph.isBroken = (collection, key) => at > 0 && (collection.length * 7 + key.length + at) % 10 === broken;
      subject.turn(turn.events, nowMs);
      for (const { resource } of subject.compiler.failures()) t.notRegex(resource, /[{}\n|]/);
    }
    graph.isBroken = () => false;
    subject.turn(removals(events), nowMs);
    same(subject.compiler.failures(), []);
    subject.turn(remaining(events), nowMs);
    same(subject.shown(), compiled(events, [], nowMs, subject).shown());
    t.pass();
  },
  { numRuns: Math.ceil(numRuns / 10) },
);

function removals(events: readonly MeshEvent[]): readonly MeshEvent[] {
  return events.map((event) => ({ ...event, value: undefined }) as MeshEvent);
}

/** A new compiler of what remains of these events, all in one turn, which remembers as another does who had a path first. */
function compiled(
  events: readonly MeshEvent[],
  order: readonly number[],
  nowMs: number,
  other = new MeshSubject(),
): MeshSubject {
  const subject = new MeshSubject();
  subject.compiler.claims.adopt(other.compiler.claims.stored(nowMs), nowMs);
  subject.turn(shuffled(remaining(events), order), nowMs);
  return subject;
}

function shuffled(events: readonly MeshEvent[], order: readonly number[]): readonly MeshEvent[] {
  return events
    .map((event, at) => ({ event, rank: order[at % order.length] ?? 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ event }) => event);
}

type Versions = ReturnType<MeshSubject['versions']>;

/** Each proxy must be told of the names whose versions are others, and a proxy whose view is the same must not be told at all. */
function checkChanges(before: Versions, after: Versions, changes: readonly ViewChange[]): void {
  const told = new Map<string, Set<string> | 'everything'>();
  for (const { proxies, names } of changes) {
    for (const id of proxies) {
      const known = told.get(id) ?? new Set<string>();
      if (names === 'everything' || known === 'everything') told.set(id, 'everything');
      else {
        for (const [typeUrl, found] of names) for (const name of found) known.add(`${typeUrl} ${name}`);
        told.set(id, known);
      }
    }
  }
  const expected = new Map<string, Set<string> | 'everything'>();
  for (const [id, now] of after) {
    const then = before.get(id);
    if (then === undefined) {
      expected.set(id, 'everything');
      continue;
    }
    const names = [...new Set([...then.keys(), ...now.keys()])].filter((name) => then.get(name) !== now.get(name));
    if (names.length > 0) expected.set(id, new Set(names));
  }
  same(sorted(told), sorted(expected));
}

function sorted(told: ReadonlyMap<string, ReadonlySet<string> | 'everything'>) {
  return [...told]
    .map(([id, names]) => [id, names === 'everything' ? names : [...names].sort()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** As `deepEqual`, but cheap while it holds. */
function same(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  const differing = difference(actual, expected, '');
  throw new Error(`${differing.path}: expected ${show(differing.expected)}, but got ${show(differing.actual)}`);
}

interface Difference {
  readonly path: string;
  readonly actual: unknown;
  readonly expected: unknown;
}

/** Where two values first differ. */
function difference(actual: unknown, expected: unknown, path: string): Difference {
  if (typeof actual === 'object' && typeof expected === 'object' && actual !== null && expected !== null) {
    const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
    for (const key of keys) {
      const [a, b]: unknown[] = [Reflect.get(actual, key), Reflect.get(expected, key)];
      if (!isDeepStrictEqual(a, b)) return difference(a, b, `${path}/${key}`);
    }
  }
  return { path, actual, expected };
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    item instanceof Map || item instanceof Set ? [...item] : item,
  )?.slice(0, 1500);
}
