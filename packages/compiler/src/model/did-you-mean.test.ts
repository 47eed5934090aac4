import test from 'ava';
import { didYouMean } from './did-you-mean.ts';

const known = ['edge', 'bakery.catalog', 'bakery.orders', 'bakery.payments'];

test('the nearest name is offered', (t) => {
  t.is(didYouMean('bakery.order', known), ' Did you mean bakery.orders?');
  t.is(didYouMean('bakery.pyaments', known), ' Did you mean bakery.payments?');
  t.is(didYouMean('egde', known), '');
  t.is(didYouMean('edg', known), ' Did you mean edge?');
});

test('nothing is offered when nothing is near', (t) => {
  t.is(didYouMean('mill.oven', known), '');
  t.is(didYouMean('', known), '');
  t.is(didYouMean('bakery.orders', []), '');
});
