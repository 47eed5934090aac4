import { Health } from '@weft/contracts/grpc/health/v1/health';
import { OrderService } from '@weft/contracts/shop/orders/v1/orders';
import test from 'ava';
import { logicalName } from './logical-name.ts';

test('a logical name is the proto package without its version', (t) => {
  t.is(logicalName(OrderService), 'shop.orders');
  t.is(logicalName(Health), 'grpc.health');
});
