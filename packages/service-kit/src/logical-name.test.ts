import { OrderService } from '@shop/orders-contract/v1';
import { Health } from '@weft/api/grpc/health/v1/health';
import test from 'ava';
import { logicalName } from './logical-name.ts';

test('a logical name is the proto package without its version', (t) => {
  t.is(logicalName(OrderService), 'shop.orders');
  t.is(logicalName(Health), 'grpc.health');
});
