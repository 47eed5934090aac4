import test from 'ava';
import { logicalNameOf } from './logical-name.ts';

test('a logical name is a package without its version', (t) => {
  t.is(logicalNameOf('bakery.orders.v1'), 'bakery.orders');
  t.is(logicalNameOf('bakery.orders.v2beta1'), 'bakery.orders');
  t.is(logicalNameOf('bakery.v1.orders'), 'bakery.v1.orders');
});
