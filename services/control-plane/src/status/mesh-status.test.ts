import { typeUrls } from '@weft/compiler/envoy/resource';
import test from 'ava';
import { bakeryMesh } from '../api/bakery-mesh.fixture.ts';
import { meshStatus, type StatusInput } from './mesh-status.ts';
import { nackSource } from './nack-source.ts';
import { ProblemLog } from './problem-log.ts';

const mesh = bakeryMesh();
const input: StatusInput = {
  version: '1.2.3',
  startedAtMs: 1000,
  root: {
    phase: 'steady',
    fingerprint: '0123456789abcdef',
    notAfterMs: 2000,
    waitingFor: [],
    external: false,
  },
  mesh,
  proxies: new Map(),
  problems: [],
  denials: [],
  plainText: [],
  certificateNotAfterMs: () => 3000,
};

test('services and replicas, with and without their proxies', (t) => {
  const status = meshStatus({
    ...input,
    proxies: new Map([
      [
        'bakery/orders-0',
        {
          workload: 'bakery/orders-0',
          variant: 'delta',
          connectedAt: 5000,
          envoyVersion: '1.40.0',
          types: new Map([
            [typeUrls.cluster, { sentVersion: 'b', ackedVersion: 'a', ackedAt: 6000, resources: 3 }],
            [
              typeUrls.route,
              {
                sentVersion: 'd',
                resources: 1,
                nack: { nonce: '7', message: 'no', names: ['inbound|bakery/orders|20003'], at: 7000 },
              },
            ],
          ]),
        },
      ],
    ]),
  });
  t.deepEqual(
    status.services.map(({ name, logicalName, readyReplicas, replicas }) => [
      name,
      logicalName,
      readyReplicas,
      replicas,
    ]),
    [
      ['catalog', 'bakery.catalog', 1, 1],
      ['inventory', 'bakery.inventory', 1, 1],
      ['orders', 'bakery.orders', 1, 1],
      ['payments', 'bakery.payments', 1, 1],
    ],
  );
  t.deepEqual(status.services[2]?.grpcServices, ['bakery.orders.v1.OrderService']);
  t.is(status.services[2]?.contractHashes.length, 1);
  t.deepEqual(
    status.workloads.map(({ name }) => name),
    ['catalog-0', 'inventory-0', 'orders-0', 'payments-0', 'edge-0'],
  );
  const orders = status.workloads[2];
  t.like(orders, { services: ['orders'], ready: true, reason: '', address: '127.0.0.1:20003' });
  t.like(orders?.proxy, { spiffeId: 'spiffe://weft.local/ns/bakery/sa/orders', envoyVersion: '1.40.0' });
  t.like(orders?.proxy?.acknowledgements[0], { sentVersion: 'b', ackedVersion: 'a', resources: 3, nack: '' });
  t.is(orders?.proxy?.acknowledgements[1]?.nack, 'no');
  t.is(
    orders?.proxy?.acknowledgements[1]?.nackSource,
    'inbound|bakery/orders|20003 (Service bakery/orders, contracts/bakery/bakery.orders.binpb)',
  );
  t.is(status.workloads[0]?.proxy, undefined);
  t.is(status.workloads[4]?.address, '127.0.0.1:8080');
});

test('a refused resource is traced to its source', (t) => {
  t.is(
    nackSource(mesh, ['gateway|edge', 'inbound|20000']),
    'gateway|edge (Gateway edge), inbound|20000 (the workload itself)',
  );
});

test('a problem keeps its date while it lasts, over a restart too', (t) => {
  const log = new ProblemLog();
  const problem = { resource: 'a.yaml', field: 'spec', message: 'line 1: is wrong' };
  t.deepEqual(log.update([problem], 1000), [problem]);
  t.deepEqual(log.update([{ ...problem, message: 'line 2: is wrong' }], 2000), []);
  t.is(log.list()[0]?.sinceMs, 1000);
  const restarted = new ProblemLog(log.dates());
  restarted.update([problem], 3000);
  t.is(restarted.list()[0]?.sinceMs, 1000);
  restarted.update([], 4000);
  t.deepEqual(restarted.update([problem], 5000), [problem]);
  t.is(restarted.list()[0]?.sinceMs, 5000);
});
