import test from 'ava';
import { logicalNameOf } from './logical-name.ts';

test('a logical name is a package without its version', (t) => {
  t.is(logicalNameOf('shop.orders.v1'), 'shop.orders');
  t.is(logicalNameOf('shop.orders.v2beta1'), 'shop.orders');
  t.is(logicalNameOf('shop.v1.orders'), 'shop.v1.orders');
});
