import test from 'ava';
import { cardOf } from './card.ts';
import { behaviourOf } from './test-cards.ts';

test('only the brand and the last four digits are kept', (t) => {
  t.deepEqual(cardOf('4242424242424242'), { brand: 'visa', last4: '4242' });
  t.deepEqual(cardOf('5555555555554444'), { brand: 'mastercard', last4: '4444' });
  t.deepEqual(cardOf('378282246310005'), { brand: 'amex', last4: '0005' });
  t.deepEqual(cardOf('6011111111111117'), { brand: 'other', last4: '1117' });
});

test('a card that is not documented is judged by its check digit', (t) => {
  t.deepEqual(behaviourOf('4111111111111111'), {});
  t.deepEqual(behaviourOf('378282246310005'), {});
  t.deepEqual(behaviourOf('4111111111111112'), { decline: 'invalid_number' });
});
