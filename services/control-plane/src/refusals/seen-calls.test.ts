import type { ServiceId } from '@weft/compiler/model/mesh';
import test from 'ava';
import { maxSeenCallees, maxSeenCallers, SeenCalls, seenCallLifetimeMs } from './seen-calls.ts';

const services = (count: number) => Array.from({ length: count }, (_, index): ServiceId => `bakery/service-${index}`);

test('SeenCalls: what was seen first is forgotten above the bound of a caller', (t) => {
  const seen = new SeenCalls();
  t.deepEqual([...seen.add('orders', services(maxSeenCallees), 0)], ['orders']);
  t.deepEqual([...seen.add('orders', ['bakery/service-0'], 1)], []);
  t.deepEqual([...seen.add('orders', ['bakery/one-more'], 2)], ['orders']);
  const callees = seen.callees('orders');
  t.is(callees.length, maxSeenCallees);
  t.true(callees.includes('bakery/service-0'));
  t.false(callees.includes('bakery/service-1'));
});

test('SeenCalls: callers that asked first are forgotten above the bound, and named', (t) => {
  const seen = new SeenCalls();
  for (let caller = 0; caller < maxSeenCallers; caller++) seen.add(`caller ${caller}`, ['bakery/catalog'], 0);
  t.deepEqual([...seen.add('one more', ['bakery/catalog'], 0)], ['one more', 'caller 0']);
  t.deepEqual(seen.callees('caller 0'), []);
  t.deepEqual(seen.callees('caller 1'), ['bakery/catalog']);
});

test('SeenCalls: a call is forgotten when nobody has asked about it for its lifetime', (t) => {
  const seen = new SeenCalls();
  seen.add('orders', ['bakery/catalog', 'bakery/payments'], 0);
  seen.add('orders', ['bakery/catalog'], 1000);
  t.deepEqual([...seen.expire(seenCallLifetimeMs - 1)], []);
  t.deepEqual([...seen.expire(seenCallLifetimeMs)], ['orders']);
  t.deepEqual(seen.callees('orders'), ['bakery/catalog']);
  t.deepEqual([...seen.expire(seenCallLifetimeMs + 1000)], ['orders']);
  t.deepEqual(seen.callees('orders'), []);
});
