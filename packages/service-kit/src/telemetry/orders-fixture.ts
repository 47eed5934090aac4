import './register.ts';
import { context, propagation } from '@opentelemetry/api';
import { OrderService, PlaceOrderRequestSchema } from '@weft/test-contracts/bakery/orders/v1/orders';
import { implement, postgres, redact, repeatable, serve } from '../index.ts';

// A service for telemetry.test.ts: what it does with the card number must not be seen outside.
const db = postgres({ schema: 'orders', migrations: '.' });
const unimplemented = () => {
  throw new Error('not part of the test');
};

await serve({
  drainMs: 0,
  finishMs: 500,
  services: [
    implement(OrderService, {
      placeOrder: repeatable(async (request, call) => {
        call.log.info({ request: redact(PlaceOrderRequestSchema, request) }, 'placing');
        await db.query('select $1::text as card', [request.cardNumber]);
        // PostgreSQL quotes the value in its message.
        if (request.idempotencyKey === 'fails') await db.query('select $1::text::uuid', [request.cardNumber]);
        const headers: Record<string, string> = {};
        propagation.inject(context.active(), headers);
        return { order: { orderId: headers.traceparent ?? '' } };
      }),
      getOrder: unimplemented,
      listOrders: unimplemented,
      watchOrder: unimplemented,
    }),
  ],
});
