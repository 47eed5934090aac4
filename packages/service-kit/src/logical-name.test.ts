import { Health } from '@weft/api/grpc/health/v1/health';
import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { logicalName } from './logical-name.ts';

test('a logical name is the proto package without its version', (t) => {
  t.is(logicalName(OrderService), 'bakery.orders');
  t.is(logicalName(Health), 'grpc.health');
});
