import { Code } from '@connectrpc/connect';
import test from 'ava';
import { decodePageToken, encodePageToken } from './page-token.ts';

test('a token gives the position that it was made of', (t) => {
  const token = encodePageToken(['search', 'oak'], [0.25, 'WFT-0007']);
  t.deepEqual(decodePageToken(token, ['search', 'oak'], ['number', 'string']), [0.25, 'WFT-0007']);
});

test('an empty token is the first page', (t) => {
  t.is(decodePageToken('', ['list', ''], ['string']), undefined);
});

test('a token of another filter, of other types or of nobody is refused', (t) => {
  const token = encodePageToken(['list', 'kitchen'], ['WFT-0007']);
  const refused = { name: 'ServiceError', code: Code.InvalidArgument };
  t.throws(() => decodePageToken(token, ['list', 'garden'], ['string']), refused);
  t.throws(() => decodePageToken(token, ['list', 'kitchen'], ['number']), refused);
  t.throws(() => decodePageToken('bm9uc2Vuc2U', ['list', 'kitchen'], ['string']), refused);
  t.throws(() => decodePageToken('%%%', ['list', 'kitchen'], ['string']), refused);
  const nul = encodePageToken(['list', 'kitchen'], ['\0']);
  t.throws(() => decodePageToken(nul, ['list', 'kitchen'], ['string']), refused);
});
