import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { fc, testProp } from '@fast-check/ava';
import { ErrorInfoSchema } from '@weft/policy/google/rpc/error_details';
import { StatusSchema } from '@weft/policy/google/rpc/status';
import test from 'ava';
import { percentEncode } from './fit-status.ts';
import { statusHeaders } from './status.ts';

testProp(
  'a percent-encoded message is printable ASCII and reads back',
  [fc.string({ unit: 'grapheme' })],
  (t, message) => {
    const encoded = percentEncode(message);
    t.regex(encoded, /^[\x20-\x7e]*$/);
    t.is(decodeURIComponent(encoded), message);
  },
);

test('details go as google.rpc.Status in base64 without padding', (t) => {
  const headers = statusHeaders({
    code: 5,
    message: 'no',
    details: [{ desc: ErrorInfoSchema, value: { reason: 'GONE', domain: 'd' } }],
    trailers: { 'x-a': 'b' },
  });
  t.like(headers, { 'grpc-status': '5', 'grpc-message': 'no', 'x-a': 'b' });
  const encoded = String(headers['grpc-status-details-bin']);
  t.notRegex(encoded, /=/);
  const status = fromBinary(StatusSchema, Buffer.from(encoded, 'base64'));
  t.like(status, { code: 5, message: 'no' });
  t.is(status.details[0] && anyUnpack(status.details[0], ErrorInfoSchema)?.reason, 'GONE');
});

test('trailers cannot stand in for the status', (t) => {
  t.is(statusHeaders({ code: 13, trailers: { 'grpc-status': '0' } })['grpc-status'], '13');
});
