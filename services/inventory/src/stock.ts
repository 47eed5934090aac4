import type { Database, Transaction } from '@weft/service-kit';
import { errors, type Shortage } from './errors.ts';

/** Some of one product. */
export interface Item {
  readonly sku: string;
  readonly quantity: number;
}

/** What is there of one product. */
export interface Stock {
  readonly on_hand: bigint;
  readonly reserved: bigint;
}

/** @throws ServiceError NOT_FOUND for a SKU of which no stock is kept. */
export async function getStock(db: Database, sku: string): Promise<Stock> {
  const { rows } = await db.query<Stock>('select on_hand, reserved from stock where sku = $1', [sku]);
  const [stock] = rows;
  if (stock === undefined) throw errors.unknownSku(sku);
  return stock;
}

/**
 * Holds all the items or none.
 *
 * @throws ServiceError FAILED_PRECONDITION that names each SKU that is short; one of which no stock is kept has 0 available.
 */
export async function hold(tx: Transaction, items: readonly Item[]): Promise<void> {
  const rows = await lock(tx, items);
  const available = new Map(rows.map((row) => [row.sku, Number(row.on_hand - row.reserved)]));
  const shortages: Shortage[] = items
    .map(({ sku, quantity }) => ({ sku, asked: quantity, available: available.get(sku) ?? 0 }))
    .filter((item) => item.asked > item.available)
    .sort((a, b) => (a.sku < b.sku ? -1 : 1));
  if (shortages.length > 0) throw errors.shortage(shortages);
  await change(tx, items, 'reserved = reserved + quantity');
}

/** Gives held items back. */
export async function giveBack(tx: Transaction, items: readonly Item[]): Promise<void> {
  await lock(tx, items);
  await change(tx, items, 'reserved = reserved - quantity');
}

/** Takes held items out of stock for good. */
export async function takeOut(tx: Transaction, items: readonly Item[]): Promise<void> {
  await lock(tx, items);
  await change(tx, items, 'reserved = reserved - quantity, on_hand = on_hand - quantity');
}

// Always in SKU order, before any change: two transactions that share products never wait for each other in a circle.
async function lock(tx: Transaction, items: readonly Item[]): Promise<readonly (Stock & { readonly sku: string })[]> {
  const { rows } = await tx.query<Stock & { readonly sku: string }>(
    'select sku, on_hand, reserved from stock where sku = any($1) order by sku for update',
    [items.map((item) => item.sku)],
  );
  return rows;
}

async function change(
  tx: Transaction,
  items: readonly Item[],
  assignment:
    | 'reserved = reserved + quantity'
    | 'reserved = reserved - quantity'
    | 'reserved = reserved - quantity, on_hand = on_hand - quantity',
): Promise<void> {
  await tx.query(
    `update stock set ${assignment}
     from unnest($1::text[], $2::bigint[]) as item (sku, quantity) where stock.sku = item.sku`,
    [items.map((item) => item.sku), items.map((item) => item.quantity)],
  );
}
