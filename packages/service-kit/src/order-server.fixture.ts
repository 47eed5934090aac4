import { create } from '@bufbuild/protobuf';
import { Code, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { OrderSchema, OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import { type Handlers, implement, repeatable, type ServeOptions, ServiceError, serve } from './index.ts';

/** An order that any of them answers. */
export const orderId = '0199c1f0-7f2e-7000-8000-000000000001';

/** Orders without a database: each method shows one thing that every protocol has to carry. */
export const orders: Handlers<typeof OrderService> = {
  placeOrder: repeatable((request) => ({ order: { orderId, customerId: request.customerId } })),
  getOrder(request, call) {
    call.responseHeader.set('x-early', 'a');
    call.responseTrailer.set('x-late', 'b');
    return { order: { orderId: request.orderId, reason: call.caller.id } };
  },
  listOrders() {
    throw new ServiceError(Code.FailedPrecondition, 'orders: not today', {
      details: [{ desc: ErrorInfoSchema, value: { reason: 'NOT_TODAY', domain: 'test', metadata: {} } }],
      cause: new Error('secret'),
    });
  },
  async *watchOrder(request) {
    for (let i = 1n; i <= 3n; i++) yield { sequence: i, order: create(OrderSchema, { orderId: request.orderId }) };
  },
};

/** Serves them on a port of its own. */
export async function serving(options: Partial<ServeOptions> = {}) {
  return serve({ services: [implement(OrderService, orders)], listen: '127.0.0.1:0', drainMs: 0, ...options });
}

/** Every way to call an address. */
export function transports(address: string): Record<string, Transport> {
  const baseUrl = `http://${address}`;
  return {
    gRPC: createGrpcTransport({ baseUrl }),
    'gRPC-Web, HTTP/1.1': createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }),
    'gRPC-Web, HTTP/2': createGrpcWebTransport({ baseUrl, httpVersion: '2' }),
    'Connect, HTTP/1.1': createConnectTransport({ baseUrl, httpVersion: '1.1' }),
    'Connect, HTTP/2': createConnectTransport({ baseUrl, httpVersion: '2' }),
    'Connect with JSON': createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false }),
  };
}
