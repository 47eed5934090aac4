import { setTimeout as sleep } from 'node:timers/promises';
import { typeUrls } from '@weft/compiler/envoy/resource';
import test from 'ava';
import { createDelivery } from './delivery.ts';
import { Room } from './room.ts';
import { LocalClient } from './testing/local-client.ts';
import { cluster } from './testing/resources.ts';
import { TestViews } from './testing/views.ts';

const { cluster: CDS } = typeUrls;

function user(told: string[], name: string) {
  return { roomed: (overdue: boolean) => void told.push(overdue ? `${name} overdue` : name) };
}

test('room is given in the order of asking, and to no more than there is room for', (t) => {
  const room = new Room({ bytes: 10 });
  const told: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => user(told, name));
  if (!a || !b || !c) throw new Error('three users');
  t.true(room.admits(a));
  room.take(a, 12);
  t.false(room.admits(b));
  t.false(room.admits(c));
  t.false(room.admits(b));
  t.deepEqual(told, []);
  const { roomed } = b;
  b.roomed = (overdue) => {
    roomed(overdue);
    room.take(b, 10);
  };
  room.free(a);
  t.deepEqual(told, ['b']);
  room.leave(c);
  room.free(b);
  t.deepEqual(told, ['b']);
  t.is(room.bytes, 0);
});

test('proxies that take nothing keep nobody waiting for ever', async (t) => {
  const room = new Room({ bytes: 10, waitMs: 1 });
  room.take(user([], 'stalled'), 10);
  const waited = Promise.withResolvers<boolean>();
  t.false(room.admits({ roomed: waited.resolve }));
  t.true(await Promise.race([waited.promise, sleep(5000, false, { ref: false })]));
});

test('a proxy that reads nothing makes the first newcomer wait, and none of those that follow', (t) => {
  let nowMs = 0;
  const room = new Room({ bytes: 10, waitMs: 2000 }, () => nowMs);
  const [stalled, next, later] = ['stalled', 'next', 'later'].map((name) => user([], name));
  if (!stalled || !next || !later) throw new Error('three users');
  room.take(stalled, 12);
  t.false(room.admits(next));
  room.leave(next);
  nowMs = 2000;
  t.true(room.admits(later));
  t.is(room.bytes, 0);
  room.free(stalled);
  t.is(room.bytes, 0);
});

test('while the outputs of some are full, another proxy that comes waits, and then gets all that there is', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views, room: { bytes: 1, waitMs: 60_000 } });
  for (const id of ['bakery/a', 'bakery/b', 'bakery/c'] as const) views.set(id, [cluster('one')]);
  const slow = new LocalClient(delivery, 'bakery/a');
  slow.full = true;
  slow.ask({ typeUrl: CDS });
  t.is(slow.received.length, 1);
  const waiting = new LocalClient(delivery, 'bakery/b');
  waiting.ask({ typeUrl: CDS });
  const gone = new LocalClient(delivery, 'bakery/c');
  gone.ask({ typeUrl: CDS });
  t.is(waiting.received.length, 0);
  gone.stream.closed();
  slow.full = false;
  slow.stream.drained();
  t.is(waiting.received.length, 1);
  t.is(gone.received.length, 0);
});
