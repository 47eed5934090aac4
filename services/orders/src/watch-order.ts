import type { Order } from '@shop/orders-contract/v1';
import type { Database } from '@weft/service-kit';
import { errors } from './errors.ts';
import type { OrderFeed } from './order-feed.ts';
import { findOrder, type OrderRow, orderOf } from './order-record.ts';
import { isLast } from './order-state.ts';

/** How long a watcher trusts that no notification was lost. */
const lookAgainMs = 2_000;

interface EventRow extends Pick<OrderRow, 'status' | 'total_units' | 'total_nanos' | 'reason'> {
  readonly sequence: bigint;
  readonly at: Date;
}

/** One state that an order has been in. */
export interface OrderEvent {
  readonly order: Order;
  /** 1 for the first state. */
  readonly sequence: bigint;
}

/**
 * Each state of an order, past ones included, each once and in order; ends after the last. Reads what is stored, so it does
 * not matter which replica does the work.
 *
 * @throws ServiceError NOT_FOUND for an unknown id; the signal's reason when it is aborted.
 */
export async function* watchOrder(
  db: Database,
  feed: OrderFeed,
  orderId: string,
  signal: AbortSignal,
): AsyncGenerator<OrderEvent> {
  // Before the first look: a change between looking and waiting must wake.
  const subscription = feed.subscribe(orderId);
  try {
    const placed = await findOrder(db, orderId);
    if (placed === undefined) throw errors.orderNotFound(orderId);
    let seen = 0n;
    for (;;) {
      const { rows } = await db.query<EventRow>(
        `select sequence, status, total_units, total_nanos, reason, at from order_events
         where order_id = $1 and sequence > $2 order by sequence`,
        [orderId, seen],
      );
      for (const { sequence, at, ...state } of rows) {
        yield { order: orderOf({ ...placed, ...state, updated_at: at }), sequence };
        seen = sequence;
        if (isLast(state.status)) return;
      }
      await subscription.changed(lookAgainMs, signal);
    }
  } finally {
    subscription.close();
  }
}

/**
 * An order after its last step, or in the state that it has reached after `maxMs`.
 *
 * @throws ServiceError NOT_FOUND for an unknown id; the signal's reason when it is aborted.
 */
export async function lastState(
  db: Database,
  feed: OrderFeed,
  orderId: string,
  maxMs: number,
  signal: AbortSignal,
): Promise<Order | undefined> {
  const timeout = AbortSignal.timeout(maxMs);
  let order: Order | undefined;
  try {
    for await (const event of watchOrder(db, feed, orderId, AbortSignal.any([signal, timeout]))) order = event.order;
  } catch (error) {
    if (!timeout.aborted || signal.aborted) throw error;
  }
  return order;
}
