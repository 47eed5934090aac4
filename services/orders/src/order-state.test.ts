import test from 'ava';
import {
  afterFailure,
  afterSuccess,
  firstStep,
  isBounded,
  isLast,
  needsCard,
  type OrderStep,
  type Transition,
} from './order-state.ts';

/** The states that an order goes through from `step` on, when the step named by `failing` fails for good. */
function path(failing?: OrderStep): string[] {
  const states: string[] = [];
  let step: OrderStep | undefined = firstStep;
  while (step !== undefined) {
    const transition: Transition | undefined = step === failing ? afterFailure(step) : afterSuccess(step);
    if (transition === undefined) throw new Error(`${step} cannot fail for good`);
    states.push(`${step}:${transition.state}`);
    step = transition.next;
  }
  return states;
}

test('an order whose steps are done is confirmed', (t) => {
  t.deepEqual(path(), [
    'price:pending',
    'reserve:reserved',
    'authorize:authorized',
    'capture:captured',
    'commit:confirmed',
  ]);
});

test('before anything was held a failure cancels at once', (t) => {
  t.deepEqual(path('price'), ['price:cancelled']);
});

test('later failures undo in reverse what was done or may have been done', (t) => {
  const undone = ['refund:cancelling', 'release:cancelled'];
  t.deepEqual(path('reserve').slice(-2), ['reserve:cancelling', 'release:cancelled']);
  t.deepEqual(path('authorize').slice(-3), ['authorize:cancelling', ...undone]);
  t.deepEqual(path('capture').slice(-3), ['capture:cancelling', ...undone]);
  t.deepEqual(path('commit').slice(-3), ['commit:cancelling', ...undone]);
});

test('undoing cannot fail for good', (t) => {
  t.is(afterFailure('refund'), undefined);
  t.is(afterFailure('release'), undefined);
});

test('what follows the taking of money is never given up for want of an answer', (t) => {
  const steps: OrderStep[] = ['price', 'reserve', 'authorize', 'capture', 'commit', 'refund', 'release'];
  t.deepEqual(
    steps.filter((step) => !isBounded(step)),
    ['commit', 'refund', 'release'],
  );
});

test('the card is needed up to the answer of the bank', (t) => {
  t.true(needsCard('reserve'));
  t.true(needsCard('authorize'));
  t.false(needsCard('capture'));
  t.false(needsCard('refund'));
  t.false(needsCard(undefined));
});

test('only confirmed and cancelled are last', (t) => {
  t.true(isLast('confirmed'));
  t.true(isLast('cancelled'));
  t.false(isLast('cancelling'));
});
