import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { type Money, MoneySchema } from '@shop/money-contract/v1';
import { type Order, OrderSchema, OrderStatus } from '@shop/orders-contract/v1';
import type { Queryable } from '@weft/service-kit';
import type { OrderState } from './order-state.ts';

/** Some of one product. */
export interface OrderLine {
  readonly sku: string;
  readonly quantity: number;
}

/** A row of `orders` with its items. */
export interface OrderRow {
  readonly order_id: string;
  readonly customer_id: string;
  readonly currency_code: string;
  readonly status: OrderState;
  readonly total_units: bigint | null;
  readonly total_nanos: number | null;
  readonly reason: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly items: readonly OrderLine[];
}

/** What an order is made of when it is placed. */
export interface NewOrder {
  readonly orderId: string;
  readonly customerId: string;
  readonly currencyCode: string;
  readonly items: readonly OrderLine[];
  /** Stands for the card, from the payment provider. */
  readonly cardToken: string;
}

/** The columns of an OrderRow, for a select from `orders`. */
const columns = `order_id, customer_id, currency_code, status, total_units, total_nanos, reason, created_at, updated_at,
  (select json_agg(json_build_object('sku', sku, 'quantity', quantity) order by position)
   from order_items where order_items.order_id = orders.order_id) as items`;

/** The contract's word for each state. */
const statuses: Readonly<Record<OrderState, OrderStatus>> = {
  pending: OrderStatus.PENDING,
  reserved: OrderStatus.RESERVED,
  authorized: OrderStatus.AUTHORIZED,
  captured: OrderStatus.CAPTURED,
  confirmed: OrderStatus.CONFIRMED,
  cancelling: OrderStatus.CANCELLING,
  cancelled: OrderStatus.CANCELLED,
};

/** An order as the contract says it. */
export function orderOf(row: OrderRow): Order {
  const total = totalOf(row);
  return create(OrderSchema, {
    orderId: row.order_id,
    customerId: row.customer_id,
    items: row.items.map(({ sku, quantity }) => ({ sku, quantity })),
    status: statuses[row.status],
    ...(total && { total }),
    reason: row.reason,
    createdAt: timestampFromDate(row.created_at),
    updatedAt: timestampFromDate(row.updated_at),
  });
}

/** What an order costs; undefined until the prices are known. */
export function totalOf(row: Pick<OrderRow, 'currency_code' | 'total_units' | 'total_nanos'>): Money | undefined {
  if (row.total_units === null || row.total_nanos === null) return undefined;
  return create(MoneySchema, { currencyCode: row.currency_code, units: row.total_units, nanos: row.total_nanos });
}

/**
 * Stores an order as pending, its first event and its first step, all in one statement. Returns when it was placed.
 */
export async function insertOrder(
  db: Queryable,
  order: NewOrder,
  firstStep: string,
  traceParent: string | undefined,
): Promise<Date> {
  const { rows } = await db.query<{ created_at: Date }>(
    `with placed as (
       insert into orders (order_id, customer_id, currency_code, status, card_token)
       values ($1, $2, $3, 'pending', $4) returning order_id, created_at
     ), items as (
       insert into order_items (order_id, position, sku, quantity)
       select order_id, position, sku, quantity
       from placed, unnest($5::text[], $6::integer[]) with ordinality as item (sku, quantity, position)
     ), events as (
       insert into order_events (order_id, sequence, status, reason) select order_id, 1, 'pending', '' from placed
     ), steps as (
       insert into order_steps (order_id, step, trace_parent) select order_id, $7, $8 from placed
     )
     select created_at from placed`,
    [
      order.orderId,
      order.customerId,
      order.currencyCode,
      order.cardToken,
      order.items.map((item) => item.sku),
      order.items.map((item) => item.quantity),
      firstStep,
      traceParent ?? null,
    ],
  );
  return rows[0]?.created_at ?? new Date();
}

/** One order; undefined where there is none. */
export async function findOrder(db: Queryable, orderId: string): Promise<OrderRow | undefined> {
  const { rows } = await db.query<OrderRow>(`select ${columns} from orders where order_id = $1`, [orderId]);
  return rows[0];
}

/** A customer's orders, newest first, those placed before the order `before`; undefined: from the newest. */
export async function ordersOf(
  db: Queryable,
  customerId: string,
  before: string | undefined,
  limit: number,
): Promise<readonly OrderRow[]> {
  // By id, not by created_at: UUIDv7 sorts by time, and no two are equal.
  const { rows } = await db.query<OrderRow>(
    `select ${columns} from orders where customer_id = $1 and ($2::uuid is null or order_id < $2)
     order by order_id desc limit $3`,
    [customerId, before ?? null, limit],
  );
  return rows;
}
