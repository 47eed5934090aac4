import { fc, testProp } from '@fast-check/ava';
import test from 'ava';
import { type ZoneCounts, zoneWeights } from './zone-weights.ts';

const counts = (entries: Record<string, number>): ZoneCounts => new Map(Object.entries(entries));
const weights = (here: string, callers: Record<string, number>, replicas: Record<string, number>) =>
  Object.fromEntries(zoneWeights(here, counts(callers), counts(replicas)));

test('calls stay in their zone where it can carry them', (t) => {
  t.deepEqual(weights('a', { a: 2, b: 2 }, { a: 3, b: 3 }), { a: 1000, b: 1 });
  t.deepEqual(weights('b', { a: 2, b: 1 }, { a: 1, b: 1 }), { a: 1, b: 1000 });
});

test('a zone with more than its part of the callers sends the rest to zones with room', (t) => {
  t.deepEqual(weights('a', { a: 2, b: 1 }, { a: 1, b: 1 }), { a: 750, b: 250 });
  t.deepEqual(weights('a', { a: 1 }, { a: 1, b: 1, c: 2 }), { a: 250, b: 250, c: 500 });
  t.deepEqual(weights('a', { a: 1, b: 1 }, { a: 1, b: 1, c: 1 }), { a: 667, b: 1, c: 333 });
});

test('a zone without replicas sends everything where there is room', (t) => {
  t.deepEqual(weights('a', { a: 1, b: 1 }, { b: 1, c: 1 }), { b: 1, c: 1000 });
});

test('who is in no known zone prefers none', (t) => {
  t.deepEqual(weights('', { '': 1, a: 1 }, { a: 1, b: 3 }), { a: 250, b: 750 });
  t.deepEqual(weights('a', {}, { a: 1, b: 3 }), { a: 250, b: 750 });
});

const zone = fc.constantFrom('a', 'b', 'c', 'd');
const zones = fc.dictionary(zone, fc.integer({ min: 1, max: 20 }), { minKeys: 1 });

testProp('no replica gets more than its part', [zones, zones], (t, callers, replicas) => {
  const load = new Map<string, number>();
  const allCallers = Object.values(callers).reduce((a, b) => a + b, 0);
  for (const [here, count] of Object.entries(callers)) {
    const given = zoneWeights(here, counts(callers), counts(replicas));
    const sum = [...given.values()].reduce((a, b) => a + b, 0);
    for (const [to, weight] of given) load.set(to, (load.get(to) ?? 0) + (count / allCallers) * (weight / sum));
  }
  const allReplicas = Object.values(replicas).reduce((a, b) => a + b, 0);
  for (const [at, count] of Object.entries(replicas)) {
    // Weights are whole thousandths, and each zone has at least one.
    t.true(Math.abs((load.get(at) ?? 0) - count / allReplicas) < 0.01, `${at}: ${load.get(at)}`);
  }
});
