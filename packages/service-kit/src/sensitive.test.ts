import { create } from '@bufbuild/protobuf';
import { GetOrderRequestSchema, PlaceOrderRequestSchema } from '@weft/contracts/shop/orders/v1/orders';
import test from 'ava';
import { withoutSensitive } from './sensitive.ts';

test('sensitive fields are cleared in a copy', (t) => {
  const request = create(PlaceOrderRequestSchema, { idempotencyKey: 'k', cardNumber: '4242424242424242' });
  const cleared = withoutSensitive(PlaceOrderRequestSchema, request);
  t.is(cleared.cardNumber, '');
  t.is(cleared.idempotencyKey, 'k');
  t.is(request.cardNumber, '4242424242424242');
});

test('a message whose type has none is not copied', (t) => {
  const request = create(GetOrderRequestSchema, { orderId: 'o' });
  t.is(withoutSensitive(GetOrderRequestSchema, request), request);
});
