import test from 'ava';
import { serviceNames } from './service-names.ts';

test('a service has the names that follow from its own', (t) => {
  t.deepEqual(serviceNames('fine-bakery', 'order-history'), {
    service: 'order-history',
    logicalName: 'fine_bakery.order_history',
    file: 'order_history',
    pascal: 'OrderHistory',
    camel: 'orderHistory',
  });
});

for (const name of ['Cart', 'my cart', '1cart', 'cart-', '', 'a'.repeat(41), '../cart', 'cart.v1', 'cärt']) {
  test(`"${name}" is not a valid name of a service`, (t) => {
    t.throws(() => serviceNames('bakery', name), {
      message: `A service cannot be named "${name}"; a name has 1 to 40 characters of a-z, 0-9 and -, begins with a letter and ends with a letter or digit.`,
    });
  });
}

for (const name of ['edge', 'control-plane', 'postgres', 'weft', 'v1']) {
  test(`${name} is reserved`, (t) => {
    t.throws(() => serviceNames('bakery', name), { message: `The name ${name} is reserved; choose another.` });
  });
}
