import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type ListOrdersRequest,
  type ListOrdersResponseSchema,
  OrderService,
  type PlaceOrderRequest,
  PlaceOrderResponseSchema,
} from '@shop/orders-contract/v1';
import type { PaymentService } from '@shop/payments-contract/v1';
import {
  type Call,
  type Client,
  type Database,
  decodePageToken,
  encodePageToken,
  implement,
  keyed,
  once,
  pageTokenError,
  type ServiceImplementation,
  uuidv7,
} from '@weft/service-kit';
import { errors } from './errors.ts';
import type { OrderFeed } from './order-feed.ts';
import { findOrder, insertOrder, type OrderRow, orderOf, ordersOf } from './order-record.ts';
import { firstStep } from './order-state.ts';
import { lastState, watchOrder } from './watch-order.ts';
import { currentTraceParent } from './within-trace.ts';

/** How many orders a page has whose request says 0. */
const defaultPageSize = 50;

/** PlaceOrder with `wait` answers so long before its deadline, that the answer arrives in time. */
const answerBeforeMs = 500;

/** How long a card's token is waited for: the deadline of its contract. */
const tokenizeWithinMs = 2_000;

/** How long PlaceOrder with `wait` waits for a caller that set no deadline: the deadline of the contract. */
const defaultWaitMs = 15_000;

/** What OrderService needs. */
export interface OrderServiceOptions {
  readonly db: Database;
  readonly feed: OrderFeed;
  readonly payments: Client<typeof PaymentService>;
  /** Called when an order was placed here. */
  readonly onPlaced: () => void;
}

/** shop.orders.v1.OrderService on the orders of `db`. */
export function orderService({ db, feed, payments, onPlaced }: OrderServiceOptions): ServiceImplementation {
  /** A repeat asks for another token, which nobody uses. */
  async function tokenOf({ cardNumber }: PlaceOrderRequest, { signal }: Call): Promise<string> {
    const { cardToken } = await payments.tokenizeCard({ cardNumber }, { deadlineMs: tokenizeWithinMs, signal });
    return cardToken;
  }
  return implement(OrderService, {
    placeOrder: keyed(async (request, call) => {
      const traceParent = currentTraceParent();
      const cardToken = await tokenOf(request, call);
      const placed = await once(db, call, request, PlaceOrderResponseSchema, async (tx) => {
        const order = newOrder(request, cardToken);
        const placedAt = await insertOrder(tx, order, firstStep, traceParent);
        return { order: orderOf(pendingRow(order, placedAt)) };
      });
      onPlaced();
      feed.placed();
      const orderId = placed.order?.orderId;
      if (!request.wait || orderId === undefined) return placed;
      const maxMs = Math.max(0, (call.timeoutMs() ?? defaultWaitMs) - answerBeforeMs);
      const order = await lastState(db, feed, orderId, maxMs, call.signal);
      return order ? { ...placed, order } : placed;
    }),

    async getOrder(request) {
      const row = await findOrder(db, request.orderId);
      if (row === undefined) throw errors.orderNotFound(request.orderId);
      return { order: orderOf(row) };
    },

    async listOrders(request) {
      return await listOrders(db, request);
    },

    watchOrder(request, call) {
      return watchOrder(db, feed, request.orderId, call.signal);
    },
  });
}

function newOrder({ customerId, currencyCode, items }: PlaceOrderRequest, cardToken: string) {
  return { orderId: uuidv7(), customerId, currencyCode, items, cardToken };
}

function pendingRow(order: ReturnType<typeof newOrder>, placedAt: Date): OrderRow {
  return {
    order_id: order.orderId,
    customer_id: order.customerId,
    currency_code: order.currencyCode,
    status: 'pending',
    total_units: null,
    total_nanos: null,
    reason: '',
    created_at: placedAt,
    updated_at: placedAt,
    items: order.items,
  };
}

async function listOrders(
  db: Database,
  { customerId, pageToken, pageSize: asked }: ListOrdersRequest,
): Promise<MessageInitShape<typeof ListOrdersResponseSchema>> {
  const filter = ['orders', customerId.toLowerCase()];
  const [before] = decodePageToken(pageToken, filter, ['string']) ?? [undefined];
  if (before !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(before))
    throw pageTokenError(pageToken);
  const pageSize = asked || defaultPageSize;
  // One more than asked for, only to learn whether there is a next page.
  const rows = await ordersOf(db, customerId, before, pageSize + 1);
  const page = rows.slice(0, pageSize);
  const last = page.at(-1);
  return {
    orders: page.map(orderOf),
    nextPageToken: rows.length > pageSize && last ? encodePageToken(filter, [last.order_id]) : '',
  };
}
