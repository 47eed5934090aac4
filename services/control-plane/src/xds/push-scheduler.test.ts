import test from 'ava';
import { createPushScheduler } from './push-scheduler.ts';

/** A scheduler whose turns are ended by hand. */
function byHand(batch: number) {
  const pushed: string[] = [];
  const turns: (() => void)[] = [];
  const scheduler = createPushScheduler<string>({
    push: (id) => pushed.push(id),
    batch,
    yieldTurn: (resume) => turns.push(resume),
  });
  return { scheduler, pushed, nextTurn: () => turns.shift()?.() };
}

test('the first endpoint changes go out before the call returns, and the others follow in turns', (t) => {
  const { scheduler, pushed, nextTurn } = byHand(2);
  scheduler.now(['a', 'b', 'c']);
  t.deepEqual(pushed, ['a', 'b']);
  nextTurn();
  t.deepEqual(pushed, ['a', 'b', 'c']);
});

test('the first configuration change starts at once, and the rest follows in turns', (t) => {
  const { scheduler, pushed, nextTurn } = byHand(2);
  scheduler.soon(['a', 'b', 'c']);
  t.deepEqual(pushed, ['a', 'b']);
  nextTurn();
  t.deepEqual(pushed, ['a', 'b', 'c']);
  t.is(scheduler.waiting, 0);
  scheduler.soon(['a']);
  t.deepEqual(pushed.slice(3), ['a']);
});

test('changes during a push make one pending push a stream', (t) => {
  const { scheduler, pushed, nextTurn } = byHand(1);
  scheduler.soon(['a', 'b', 'c']);
  scheduler.soon(['a', 'c']);
  scheduler.soon(['a', 'c']);
  nextTurn();
  nextTurn();
  nextTurn();
  nextTurn();
  t.deepEqual(pushed, ['a', 'b', 'c', 'a']);
});

test('endpoints overtake configuration, and bring it along', (t) => {
  const { scheduler, pushed, nextTurn } = byHand(1);
  scheduler.soon(['a', 'b', 'c']);
  scheduler.now(['c']);
  t.is(scheduler.waiting, 2);
  nextTurn();
  nextTurn();
  nextTurn();
  t.deepEqual(pushed, ['a', 'c', 'b']);
});

test('a stream that is gone is not pushed to', (t) => {
  const { scheduler, pushed, nextTurn } = byHand(1);
  scheduler.soon(['a', 'b']);
  scheduler.forget('b');
  nextTurn();
  t.deepEqual(pushed, ['a']);
  t.is(scheduler.waiting, 0);
});

test('a change that a push brings about waits for the end of that turn', (t) => {
  const pushed: string[] = [];
  const scheduler = createPushScheduler<string>({
    push(id) {
      if (pushed.push(id) === 1) scheduler.now(['c']);
    },
    yieldTurn: () => t.fail('there was room for all in one turn'),
  });
  scheduler.soon(['a', 'b']);
  t.deepEqual(pushed, ['a', 'c', 'b']);
});
