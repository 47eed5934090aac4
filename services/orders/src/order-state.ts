/** How far an order has come; the contract's OrderStatus in the words of the database. */
export type OrderState = 'pending' | 'reserved' | 'authorized' | 'captured' | 'confirmed' | 'cancelling' | 'cancelled';

/** What is done for an order, forwards and, after a final failure, backwards. */
export type OrderStep = 'price' | 'reserve' | 'authorize' | 'capture' | 'commit' | 'refund' | 'release';

/** Where an order goes from a step. */
export interface Transition {
  readonly state: OrderState;
  /** Undefined after the last step. */
  readonly next: OrderStep | undefined;
}

interface StepRow {
  readonly done: Transition;
  /** After a final failure; undefined where there is no way but on. */
  readonly failed: Transition | undefined;
  /** Whether a step that keeps failing is given up after a while. */
  readonly bounded: boolean;
}

// A step whose outcome is unknown is undone too: refund and release are safe for what never came to be. Once the money is
// taken, commit is tried until it succeeds or is refused, for undoing a commit that did happen would lose the items. What is
// being undone is tried until it is.
const rows: Readonly<Record<OrderStep, StepRow>> = {
  price: to('pending', 'reserve', { state: 'cancelled', next: undefined }, true),
  reserve: to('reserved', 'authorize', { state: 'cancelling', next: 'release' }, true),
  authorize: to('authorized', 'capture', { state: 'cancelling', next: 'refund' }, true),
  capture: to('captured', 'commit', { state: 'cancelling', next: 'refund' }, true),
  commit: to('confirmed', undefined, { state: 'cancelling', next: 'refund' }, false),
  refund: to('cancelling', 'release', undefined, false),
  release: to('cancelled', undefined, undefined, false),
};

function to(state: OrderState, next: OrderStep | undefined, failed: Transition | undefined, bounded: boolean): StepRow {
  return { done: { state, next }, failed, bounded };
}

/** The step of an order that was just placed. */
export const firstStep: OrderStep = 'price';

/** Where an order goes when a step is done. */
export function afterSuccess(step: OrderStep): Transition {
  return rows[step].done;
}

/** Where an order goes when a step has failed for good; undefined: nowhere, the step must be tried again. */
export function afterFailure(step: OrderStep): Transition | undefined {
  return rows[step].failed;
}

/** Whether a step that keeps failing without a final answer is given up after a while. */
export function isBounded(step: OrderStep): boolean {
  return rows[step].bounded;
}

/** Whether the card's token is still needed when `next` is the next step. */
export function needsCard(next: OrderStep | undefined): boolean {
  return next === 'price' || next === 'reserve' || next === 'authorize';
}

/** Whether nothing comes after this state. */
export function isLast(state: OrderState): boolean {
  return state === 'confirmed' || state === 'cancelled';
}
