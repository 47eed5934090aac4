import { OrderService } from '@weft/test-contracts/bakery/orders/v1/orders';
import test from 'ava';
import { testCall } from '../test-call.ts';
import { callerScope } from './caller-scope.ts';

const { placeOrder } = OrderService.method;
const edge = 'spiffe://weft.local/ns/weft/sa/edge';

function from(address: string | undefined, subject?: string): string {
  const call = testCall(placeOrder, { caller: edge });
  if (address !== undefined) call.requestHeader.set('x-weft-client-address', address);
  return callerScope(call, subject);
}

test('a caller in the mesh is told by its identity', (t) => {
  t.is(from(undefined), edge);
});

test('clients outside are told apart by their address', (t) => {
  t.is(from('192.0.2.1'), `${edge} address 192.0.2.1`);
  t.not(from('192.0.2.1'), from('192.0.2.2'));
});

test('an IPv6 host keeps its scope when it changes its address within its network', (t) => {
  t.is(from('2001:db8:1:2::1'), `${edge} address 2001:db8:1:2::/64`);
  t.is(from('2001:db8:1:2:aaaa:bbbb:cccc:dddd'), from('2001:db8:1:2::1'));
  t.not(from('2001:db8:1:3::1'), from('2001:db8:1:2::1'));
  t.is(from('::1'), `${edge} address 0:0:0:0::/64`);
  t.is(from('2001:db8::'), `${edge} address 2001:db8:0:0::/64`);
  t.not(from('::ffff:192.0.2.1'), from('::ffff:192.0.2.2'));
});

test('an authenticated subject replaces the address, wherever it calls from', (t) => {
  t.is(from('192.0.2.1', 'ada@example.com'), from('192.0.2.2', 'ada@example.com'));
  t.not(from('192.0.2.1', 'ada@example.com'), from('192.0.2.1', 'bob@example.com'));
  t.false(from('192.0.2.1', 'ada@example.com').includes('ada'));
});
