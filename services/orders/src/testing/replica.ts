import type { MessageInitShape } from '@bufbuild/protobuf';
import { OrderService, type PlaceOrderRequestSchema } from '@shop/orders-contract/v1';
import { type Client, client, serve } from '@weft/service-kit';
import { type OrdersOptions, startOrders } from '../orders.ts';
import { goodCard } from './fake-shop.ts';

/** A replica of orders in this process. */
export interface Replica {
  readonly orders: Client<typeof OrderService>;
  stop(): Promise<void>;
}

/** Starts a replica. */
export async function startReplica(options: OrdersOptions): Promise<Replica> {
  const { service, stop } = startOrders(options);
  const server = await serve({ services: [service], listen: '127.0.0.1:0', drainMs: 0, finishMs: 0 });
  return {
    orders: client(OrderService, { outbound: server.address }),
    async stop() {
      await server.close();
      await stop(0);
    },
  };
}

/** Of all orders in tests that do not say otherwise. */
export const customerId = '0192f0c1-2b3a-7c4d-8e5f-000000000001';

let keys = 0;

/** A request that succeeds, under a key of its own. */
export function order(
  changes: MessageInitShape<typeof PlaceOrderRequestSchema> = {},
): MessageInitShape<typeof PlaceOrderRequestSchema> {
  keys += 1;
  return {
    idempotencyKey: `key-${keys}`,
    customerId,
    items: [
      { sku: 'WFT-0001', quantity: 2 },
      { sku: 'WFT-0002', quantity: 1 },
    ],
    currencyCode: 'EUR',
    cardNumber: goodCard,
    wait: true,
    ...changes,
  };
}
