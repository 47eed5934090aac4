import test from 'ava';
import { allLogNames, logsNamed } from './log-names.ts';

const logs = ['control-plane', 'edge', 'orders-0', 'orders-0.envoy', 'orders-1', 'orders-1.envoy', 'up'];

test('a name means a process, all replicas of a service, or their Envoys', (t) => {
  t.deepEqual(logsNamed('orders', logs), ['orders-0', 'orders-1']);
  t.deepEqual(logsNamed('orders.envoy', logs), ['orders-0.envoy', 'orders-1.envoy']);
  t.deepEqual(logsNamed('orders-1', logs), ['orders-1']);
  t.deepEqual(logsNamed('bakery/orders-1.envoy', logs), ['orders-1.envoy']);
  t.deepEqual(logsNamed('edge', logs), ['edge']);
  for (const none of ['order', 'orders-2', 'orders-', 'edge.envoy', '', '.envoy'])
    t.deepEqual(logsNamed(none, logs), []);
});

test('short names are known, too', (t) => {
  t.deepEqual(allLogNames(logs), [
    'control-plane',
    'edge',
    'orders',
    'orders-0',
    'orders-0.envoy',
    'orders-1',
    'orders-1.envoy',
    'orders.envoy',
    'up',
  ]);
});
