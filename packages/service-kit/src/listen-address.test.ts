import test from 'ava';
import { parseAddress } from './listen-address.ts';

test('addresses are unix sockets or a host and a port', (t) => {
  t.deepEqual(parseAddress('unix:/run/a.sock'), { path: '/run/a.sock' });
  t.deepEqual(parseAddress('127.0.0.1:0'), { host: '127.0.0.1', port: 0 });
  t.deepEqual(parseAddress('[::1]:8080'), { host: '::1', port: 8080 });
});

test('anything else is refused with the address', (t) => {
  for (const address of [
    '',
    '8080',
    'localhost',
    'localhost:',
    'localhost:65536',
    '::1:80',
    'unix:',
    `unix:/${'x'.repeat(103)}`,
  ])
    t.throws(() => parseAddress(address), { instanceOf: RangeError, message: /address/ }, address);
});
