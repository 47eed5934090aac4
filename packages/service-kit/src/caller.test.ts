import test from 'ava';
import { callerOf } from './caller.ts';

test('the SPIFFE id is read from x-forwarded-client-cert', (t) => {
  const id = 'spiffe://weft.local/ns/shop/sa/orders';
  t.is(callerOf(`URI=${id}`), id);
  t.is(callerOf(`By=spiffe://weft.local/ns/shop/sa/me;Hash=abc;URI=${id}`), id);
  t.is(callerOf(`Hash=abc;Subject="CN=x";URI="${id}";DNS=a`), id);
});

test('without one the caller is local', (t) => {
  for (const header of [
    null,
    '',
    'Hash=abc',
    'By=spiffe://weft.local/x',
    'URI=https://example.com',
    'XURI=spiffe://a/b',
  ])
    t.is(callerOf(header), 'local', String(header));
});
