import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  createRouterTransport,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import { CatalogService } from '@weft/test-contracts/bakery/catalog/v1/catalog';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { client, implement, repeatable } from './index.ts';
import { orderId, orders, serving } from './order-server.fixture.ts';

const tenant = createContextKey('nobody');

test('interceptors of a client see unary calls and streams, in order, with the values of the call', async (t) => {
  const seen: string[] = [];
  const named =
    (name: string): Interceptor =>
    (next) =>
    async (request) => {
      seen.push(`${name} ${request.url} ${request.stream} ${request.contextValues.get(tenant)}`);
      request.header.append('x-by', name);
      const response = await next(request);
      seen.push(`${name} ${response.header.get('x-early')}`);
      return response;
    };
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(request, call) {
          call.responseHeader.set('x-early', 'a');
          return { order: { orderId: request.orderId, reason: call.requestHeader.get('x-by') ?? '' } };
        },
        async *watchOrder(request, call) {
          call.responseHeader.set('x-early', 'b');
          yield { order: { orderId: request.orderId, reason: call.requestHeader.get('x-by') ?? '' } };
        },
      }),
    ],
  });
  const c = client(OrderService, { outbound: server.address, interceptors: [named('outer'), named('inner')] });
  const contextValues = createContextValues().set(tenant, 'acme');
  t.is((await c.getOrder({ orderId }, { contextValues })).order?.reason, 'outer, inner');
  const url = 'http://bakery.orders/bakery.orders.v1.OrderService/';
  t.deepEqual(seen.splice(0), [
    `outer ${url}GetOrder false acme`,
    `inner ${url}GetOrder false acme`,
    'inner a',
    'outer a',
  ]);
  for await (const { order } of c.watchOrder({ orderId })) t.is(order?.reason, 'outer, inner');
  t.deepEqual(seen, [`outer ${url}WatchOrder true nobody`, `inner ${url}WatchOrder true nobody`, 'inner b', 'outer b']);
  await server.close();
});

test("a client's interceptors may answer, repeat and refuse, and their time is the call's", async (t) => {
  let tries = 0;
  const server = await serving({
    services: [
      implement(OrderService, {
        ...orders,
        getOrder(_request, call) {
          tries++;
          if (tries === 1) throw new ConnectError('not yet', Code.Unavailable);
          return { order: { reason: String((call.timeoutMs() ?? 0) <= 4_900) } };
        },
      }),
    ],
  });
  const again: Interceptor = (next) => async (request) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    return next(request).catch(() => next(request));
  };
  const c = client(OrderService, { outbound: server.address, interceptors: [again] });
  t.is((await c.getOrder({ orderId }, { timeoutMs: 5_000 })).order?.reason, 'true');
  t.is(tries, 2);
  const hangs: Interceptor = () => (request) =>
    new Promise((_, reject) => request.signal.addEventListener('abort', () => reject(request.signal.reason)));
  const late = client(OrderService, { outbound: server.address, interceptors: [hangs] });
  const error = await t.throwsAsync(late.getOrder({ orderId }, { deadlineMs: 20 }), { instanceOf: ConnectError });
  t.is(error?.code, Code.DeadlineExceeded);
  const abort = new AbortController();
  const cancelled = late.getOrder({ orderId }, { signal: abort.signal });
  abort.abort();
  t.is((await t.throwsAsync(cancelled, { instanceOf: ConnectError }))?.code, Code.Canceled);
  t.is(tries, 2);
  await server.close();
});

test('a client takes any transport of connect-es in place of the sidecar', async (t) => {
  const headers: (string | null)[] = [];
  const transport = createRouterTransport(({ service }) => {
    service(OrderService, {
      getOrder(request, context) {
        headers.push(context.requestHeader.get('x-by'));
        return { order: { orderId: request.orderId } };
      },
    });
    service(CatalogService, {
      async importProducts(requests) {
        let created = 0n;
        for await (const { product } of requests) created += product ? 1n : 0n;
        return { created };
      },
    });
  });
  const signs: Interceptor = (next) => (request) => {
    request.header.set('x-by', 'interceptor');
    return next(request);
  };
  const c = client(OrderService, { transport, interceptors: [signs] });
  t.is((await c.getOrder({ orderId })).order?.orderId, orderId);
  t.deepEqual(headers, ['interceptor']);
  const error = await t.throwsAsync(c.listOrders({}), { instanceOf: ConnectError });
  t.is(error?.code, Code.Unimplemented);
  const products = async function* () {
    for (const sku of ['ABC-1', 'ABC-2']) yield { product: { sku } };
  };
  t.is((await client(CatalogService, { transport }).importProducts(products())).created, 2n);
});

test('what an interceptor of the server sets, the interceptors of clients below it see', async (t) => {
  const token = createContextKey('none');
  const seen: string[] = [];
  const transport = createRouterTransport(({ service }) => service(OrderService, { getOrder: () => ({}) }));
  const reads: Interceptor = (next) => (request) => {
    seen.push(request.contextValues.get(token));
    request.contextValues.set(token, 'changed');
    seen.push(request.contextValues.get(token), request.contextValues.delete(token).get(token));
    return next(request);
  };
  const inner = client(OrderService, { transport, interceptors: [reads] });
  const sets: Interceptor = (next) => (request) => {
    request.contextValues.set(token, 'ada');
    return next(request);
  };
  const server = await serving({
    interceptors: [sets],
    services: [
      implement(OrderService, {
        ...orders,
        async getOrder(request, call) {
          await inner.getOrder(request);
          await inner.getOrder(request, { contextValues: createContextValues().set(token, 'own') });
          return { order: { reason: call.values.get(token) } };
        },
      }),
    ],
  });
  const { order } = await client(OrderService, { outbound: server.address }).getOrder({ orderId });
  t.is(order?.reason, 'ada');
  t.deepEqual(seen, ['ada', 'changed', 'none', 'own', 'changed', 'none']);
  await server.close();
});

test("a connect-es ServiceImpl is served as it is, with all of its handlers' context", async (t) => {
  const seen: unknown[] = [];
  const answer = ({ orderId }: { orderId: string }, { timeoutMs, ...context }: HandlerContext) => {
    seen.push(timeoutMs(), context);
    return { order: { orderId } };
  };
  class Orders {
    readonly #reason = 'a class';
    placeOrder = repeatable(() => ({}));
    async getOrder(request: { orderId: string }, context: HandlerContext) {
      const { method, service, requestMethod, protocolName, url } = context;
      seen.push([method.name, service.typeName, requestMethod, protocolName, new URL(url).pathname]);
      context.responseHeader.set('x-early', 'a');
      seen.push((context.timeoutMs() ?? 0) > 0, context.signal.aborted, context.requestHeader.get('x-own'));
      return { order: { ...answer(request, context).order, reason: this.#reason } };
    }
    listOrders() {
      return {};
    }
    async *watchOrder() {}
  }
  const server = await serving({ services: [implement(OrderService, new Orders())] });
  const c = client(OrderService, { outbound: server.address });
  const { order } = await c.getOrder({ orderId }, { deadlineMs: 9_000, headers: { 'x-own': 'yes' } });
  t.is(order?.reason, 'a class');
  t.deepEqual(seen.slice(0, 4), [
    ['GetOrder', 'bakery.orders.v1.OrderService', 'POST', 'grpc', '/bakery.orders.v1.OrderService/GetOrder'],
    true,
    false,
    'yes',
  ]);
  t.is(typeof seen[4], 'number');
  await server.close();
});
