import test from 'ava';
import { didYouMean } from './did-you-mean.ts';

const known = ['edge', 'shop.catalog', 'shop.orders', 'shop.payments'];

test('the nearest name is offered', (t) => {
  t.is(didYouMean('shop.order', known), ' Did you mean shop.orders?');
  t.is(didYouMean('shop.pyaments', known), ' Did you mean shop.payments?');
  t.is(didYouMean('egde', known), '');
  t.is(didYouMean('edg', known), ' Did you mean edge?');
});

test('nothing is offered when nothing is near', (t) => {
  t.is(didYouMean('bakery.oven', known), '');
  t.is(didYouMean('', known), '');
  t.is(didYouMean('shop.orders', []), '');
});
