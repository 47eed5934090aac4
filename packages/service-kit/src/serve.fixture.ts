/** A process that serves, for the tests of its end; tells its parent the address. */
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { implement, repeatable, serve } from './index.ts';

process.env.LOG_LEVEL = 'silent';
const orders = implement(OrderService, {
  placeOrder: repeatable(() => ({})),
  getOrder: () => ({}),
  listOrders: () => ({}),
  async *watchOrder() {},
});
const server = await serve({ services: [orders], listen: '127.0.0.1:0', drainMs: Number(process.argv[2]) });
process.send?.(server.address);
