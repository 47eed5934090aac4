import { type Transaction, uuidv7 } from '@weft/service-kit';
import { errors } from './errors.ts';
import { giveBack, hold, type Item, takeOut } from './stock.ts';

/** What is held for an order. */
export interface Reservation {
  readonly reservationId: string;
  readonly createdAt: Date;
}

interface Row {
  readonly reservation_id: string | null;
  readonly status: 'held' | 'released' | 'committed';
  readonly created_at: Date;
}

/**
 * Holds items for an order. An order has one reservation: reserving the same items again, under whatever key, gives the
 * same one.
 *
 * @throws ServiceError FAILED_PRECONDITION when stock is short, or the order was released, even before it ever reserved;
 * ALREADY_EXISTS when the order holds other items.
 */
export async function reserve(tx: Transaction, orderId: string, items: readonly Item[]): Promise<Reservation> {
  const inserted = await tx.query<Row>(
    `insert into reservations (order_id, reservation_id, status) values ($1, $2, 'held')
     on conflict (order_id) do nothing returning reservation_id, status, created_at`,
    [orderId, uuidv7()],
  );
  const row = inserted.rows[0] ?? (await lockReservation(tx, orderId));
  if (row === undefined || row.reservation_id === null || row.status === 'released') throw errors.released(orderId);
  if (inserted.rowCount === 0) {
    if (!sameItems(await itemsOf(tx, orderId), items)) throw errors.otherItems(orderId);
  } else {
    await hold(tx, items);
    await tx.query(
      `insert into reservation_items (order_id, sku, quantity)
       select $1, * from unnest($2::text[], $3::bigint[])`,
      [orderId, items.map((item) => item.sku), items.map((item) => item.quantity)],
    );
  }
  return { reservationId: row.reservation_id, createdAt: row.created_at };
}

/**
 * Gives an order's reservation back. Twice changes nothing; for an order that never reserved it leaves a tombstone, so that
 * a Reserve that was delayed on its way holds nothing for an order that is already cancelled.
 *
 * @throws ServiceError FAILED_PRECONDITION when it was committed.
 */
export async function release(tx: Transaction, orderId: string): Promise<void> {
  const tombstone = await tx.query(
    `insert into reservations (order_id, status) values ($1, 'released') on conflict (order_id) do nothing returning 1`,
    [orderId],
  );
  if (tombstone.rowCount > 0) return;
  const row = await lockReservation(tx, orderId);
  if (row?.status === 'committed') throw errors.committed(orderId);
  if (row?.status !== 'held') return;
  await giveBack(tx, await itemsOf(tx, orderId));
  await setStatus(tx, orderId, 'released');
}

/**
 * Takes an order's reservation out of stock for good. Twice changes nothing.
 *
 * @throws ServiceError FAILED_PRECONDITION when it was released or never made.
 */
export async function commit(tx: Transaction, orderId: string): Promise<void> {
  const row = await lockReservation(tx, orderId);
  if (row === undefined) throw errors.neverReserved(orderId);
  if (row.status === 'released') throw errors.released(orderId);
  if (row.status === 'committed') return;
  await takeOut(tx, await itemsOf(tx, orderId));
  await setStatus(tx, orderId, 'committed');
}

// Before the stock, always: an order's own row is locked first, then its products in SKU order.
async function lockReservation(tx: Transaction, orderId: string): Promise<Row | undefined> {
  const { rows } = await tx.query<Row>(
    'select reservation_id, status, created_at from reservations where order_id = $1 for update',
    [orderId],
  );
  return rows[0];
}

async function itemsOf(tx: Transaction, orderId: string): Promise<Item[]> {
  const { rows } = await tx.query<{ sku: string; quantity: bigint }>(
    'select sku, quantity from reservation_items where order_id = $1 order by sku',
    [orderId],
  );
  return rows.map(({ sku, quantity }) => ({ sku, quantity: Number(quantity) }));
}

async function setStatus(tx: Transaction, orderId: string, status: 'released' | 'committed'): Promise<void> {
  await tx.query('update reservations set status = $2, updated_at = now() where order_id = $1', [orderId, status]);
}

function sameItems(a: readonly Item[], b: readonly Item[]): boolean {
  const key = (items: readonly Item[]) =>
    items
      .map(({ sku, quantity }) => `${sku} ${quantity}`)
      .sort()
      .join();
  return key(a) === key(b);
}
