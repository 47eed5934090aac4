/** One of the servers of rpc.ts, by its name in the arguments; prints its port. All of them answer GetOrder with the same order. */
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import {
  type GetOrderRequest,
  GetOrderRequestSchema,
  type GetOrderResponse,
  GetOrderResponseSchema,
  ListOrdersResponseSchema,
  OrderSchema,
  OrderService,
  OrderStatus,
  PlaceOrderResponseSchema,
  type WatchOrderRequest,
  WatchOrderResponseSchema,
} from '@shop/orders-contract/v1';
import { implement, repeatable, serve } from '@weft/service-kit';

function answer({ orderId }: GetOrderRequest): GetOrderResponse {
  return create(GetOrderResponseSchema, {
    order: {
      orderId,
      status: OrderStatus.CONFIRMED,
      items: [{ sku: 'ABC-1234', quantity: 2 }],
      reason: 'eighty bytes',
    },
  });
}

const handlers = {
  getOrder: answer,
  placeOrder: () => create(PlaceOrderResponseSchema),
  listOrders: () => create(ListOrdersResponseSchema),
  /** 2,000 messages of 1 KB, for client.ts. */
  async *watchOrder({ orderId }: WatchOrderRequest) {
    const order = create(OrderSchema, { orderId, status: OrderStatus.CONFIRMED, reason: 'x'.repeat(950) });
    for (let sequence = 1n; sequence <= 2_000n; sequence++) yield create(WatchOrderResponseSchema, { sequence, order });
  },
};

const servers: Record<string, () => Promise<number>> = {
  async kit() {
    const orders = implement(OrderService, { ...handlers, placeOrder: repeatable(handlers.placeOrder) });
    const server = await serve({ services: [orders], listen: '127.0.0.1:0', drainMs: 0 });
    return Number(server.address.split(':')[1]);
  },
  async 'grpc-js'() {
    const server = new Server();
    server.addService(
      {
        GetOrder: {
          path: `/${OrderService.typeName}/GetOrder`,
          requestStream: false,
          responseStream: false,
          requestDeserialize: (bytes: Buffer) => fromBinary(GetOrderRequestSchema, bytes),
          requestSerialize: (message: GetOrderRequest) => Buffer.from(toBinary(GetOrderRequestSchema, message)),
          responseDeserialize: (bytes: Buffer) => fromBinary(GetOrderResponseSchema, bytes),
          responseSerialize: (message: GetOrderResponse) => Buffer.from(toBinary(GetOrderResponseSchema, message)),
        },
      },
      {
        GetOrder: (call: { request: GetOrderRequest }, callback: (error: null, response: GetOrderResponse) => void) =>
          callback(null, answer(call.request)),
      },
    );
    return new Promise((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  },
  async 'connect-node'() {
    const server = createServer(connectNodeAdapter({ routes: (router) => router.service(OrderService, handlers) }));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  },
};

const start = servers[process.argv[2] ?? ''];
if (!start) throw new Error(`rpc-server: ${process.argv[2]} must be one of ${Object.keys(servers).join(', ')}`);
console.log(await start());
process.on('disconnect', () => process.exit(0));
