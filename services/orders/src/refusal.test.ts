import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import test from 'ava';
import { isFinal, Refusal, reasonFor } from './refusal.ts';

function answer(code: Code, reason: string, metadata: Record<string, string>) {
  const value = { reason, domain: 'shop.test', metadata };
  return new ConnectError('internal words', code, undefined, [{ desc: ErrorInfoSchema, value }]);
}

test('answers that say no are final, outages and bugs are not', (t) => {
  t.true(isFinal(answer(Code.FailedPrecondition, 'OUT_OF_STOCK', {})));
  t.true(isFinal(new ConnectError('no such product', Code.NotFound)));
  t.true(isFinal(new Refusal('no')));
  for (const code of [Code.Unavailable, Code.DeadlineExceeded, Code.Aborted, Code.Internal, Code.PermissionDenied]) {
    t.false(isFinal(new ConnectError('', code)), Code[code]);
  }
  t.false(isFinal(new TypeError('a bug')));
});

test('reasons are in words for the customer', (t) => {
  const shortage = answer(Code.FailedPrecondition, 'OUT_OF_STOCK', { 'WFT-0500': '9/5', 'WFT-0001': '2/0' });
  t.is(reasonFor(shortage), 'Not enough in stock: WFT-0500 (9 asked, 5 available); WFT-0001 (2 asked, 0 available).');
  t.is(reasonFor(answer(Code.NotFound, 'PRODUCT_NOT_FOUND', { skus: 'A,B' })), 'We do not sell A, B.');
  t.is(
    reasonFor(answer(Code.FailedPrecondition, 'CARD_DECLINED', { decline: 'insufficient_funds' })),
    'The card was declined: insufficient funds.',
  );
  t.is(
    reasonFor(answer(Code.FailedPrecondition, 'CARD_DECLINED', { decline: 'stolen_card' })),
    'The card was declined.',
  );
  t.is(reasonFor(new ConnectError('internal words', Code.InvalidArgument)), 'The order could not be carried out.');
  t.regex(reasonFor(new ConnectError('internal words', Code.Unavailable)), /in time/);
});
