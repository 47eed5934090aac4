import { Code, ConnectError } from '@connectrpc/connect';
import test from 'ava';
import { requestHeaders } from './request-headers.ts';

const given = (headers: Record<string, string>) => requestHeaders('bakery.orders', '/a.B/C', headers, {});

test('what belongs to HTTP and to gRPC is not taken from a caller; the rest is', (t) => {
  const headers = given({
    connection: 'keep-alive',
    'keep-alive': 'timeout=5',
    'transfer-encoding': 'chunked',
    upgrade: 'h2c',
    host: 'x',
    te: 'gzip',
    'content-type': 'application/json',
    'content-length': '7',
    'grpc-timeout': '1m',
    'grpc-encoding': 'br',
    'grpc-accept-encoding': 'br',
    'user-agent': 'mine',
    'x-own': 'a b~',
    'x-own-bin': 'AAEC, AwQ=',
  });
  t.deepEqual(headers, {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': 'bakery.orders',
    ':path': '/a.B/C',
    'content-type': 'application/grpc+proto',
    te: 'trailers',
    'grpc-accept-encoding': 'identity,gzip,deflate',
    'user-agent': 'mine',
    'x-own': 'a b~',
    'x-own-bin': 'AAEC, AwQ=',
  });
  t.is(requestHeaders('x', '/', undefined, { timeoutMs: 1_500, encoding: 'gzip' })['grpc-timeout'], '1500m');
});

test('metadata that gRPC does not allow fails the call, and says which', (t) => {
  const faults: readonly (readonly [Record<string, string>, Code, RegExp])[] = [
    [{ 'x-latin': 'café' }, Code.Internal, /^\/a\.B\/C: metadata x-latin must be printable ASCII; .* -bin/],
    [{ 'x-emoji': '🥐' }, Code.Internal, /^\/a\.B\/C: /],
    [{ 'x!odd': 'x' }, Code.Internal, /metadata name "x!odd"/],
    [{ 'x odd': 'x' }, Code.Internal, /^\/a\.B\/C: /],
    [{ 'x-odd-bin': '***' }, Code.Internal, /metadata x-odd-bin must be base64/],
    [{ 'x-long': 'v'.repeat(70_000) }, Code.ResourceExhausted, /headers of 7\d{4} bytes must be at most 61440/],
    [
      Object.fromEntries(Array.from({ length: 130 }, (_, i) => [`x-${i}`, 'v'])),
      Code.ResourceExhausted,
      /138 headers must be at most 128/,
    ],
  ];
  for (const [headers, code, said] of faults) {
    const error = t.throws(() => given(headers), { instanceOf: ConnectError });
    t.is(error?.code, code, said.source);
    t.regex(error?.rawMessage ?? '', said);
  }
});
