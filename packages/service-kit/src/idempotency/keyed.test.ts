import { OrderService, PlaceOrderResponseSchema } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { Contract } from '../contract.fixture.ts';
import { type Database, type Handlers, implement, keyed, once, repeatable, serve } from '../index.ts';
import { orders } from '../order-server.fixture.ts';

const listen = { listen: '127.0.0.1:0', drainMs: 0 };

test('a method with an idempotency_key is served only if its handler heeds repeats', async (t) => {
  const careless: Handlers<typeof OrderService> = { ...orders, placeOrder: () => ({}) };
  await t.throwsAsync(serve({ services: [implement(OrderService, careless)], ...listen }), {
    instanceOf: TypeError,
    message:
      /^bakery\.orders\.v1\.OrderService\/PlaceOrder: its contract declares the idempotency_key "idempotency_key"/,
  });
  const db = {} as Database;
  const careful: Handlers<typeof OrderService>['placeOrder'][] = [
    repeatable(() => ({})),
    keyed((request, call) => once(db, call, request, PlaceOrderResponseSchema, async () => ({}))),
    keyed(async (request, call) => {
      const placed = await once(db, call, request, PlaceOrderResponseSchema, async () => ({}));
      return { ...placed, order: { reason: 'more' } };
    }),
    // @ts-expect-error What does not come from once() is no answer.
    keyed(async () => ({ order: { reason: 'twice' } })),
  ];
  for (const placeOrder of careful) {
    const server = await serve({ services: [implement(OrderService, { ...orders, placeOrder })], ...listen });
    await server.close();
  }
});

test('also where the key is a default of the service; streams have none', async (t) => {
  const contract = new Contract({
    'defaults/v1/defaults.proto': `
      syntax = "proto3";
      package defaults.v1;
      import "weft/policy/v1/policy.proto";
      service DefaultsService {
        option (weft.policy.v1.service) = {defaults: {idempotency_key: "key"}};
        rpc Put(Request) returns (Request);
        rpc Watch(Request) returns (stream Request);
      }
      message Request { string key = 1; }`,
  });
  const service = contract.service('defaults.v1.DefaultsService');
  const methods = service.methods.map((method) => ({ method, handle: () => ({}) }));
  await t.throwsAsync(serve({ services: [{ service, methods }], ...listen }), { message: /DefaultsService\/Put: / });
  const server = await serve({ services: [{ service, methods: methods.slice(1) }], ...listen });
  await server.close();
  t.pass();
});
