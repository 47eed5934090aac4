import test from 'ava';
import { callerOf } from './caller.ts';

const id = 'spiffe://weft.local/ns/bakery/sa/orders';
const identity = { id, namespace: 'bakery', serviceAccount: 'orders' };

test('the identity is read from x-forwarded-client-cert', (t) => {
  for (const header of [
    `URI=${id}`,
    `By=spiffe://weft.local/ns/bakery/sa/me;Hash=abc;URI=${id}`,
    `Hash=abc;Subject="CN=x";URI="${id}";DNS=a`,
  ])
    t.deepEqual(callerOf(header, undefined), { kind: 'workload', ...identity }, header);
});

test('the name by which the sidecar admitted the caller makes it a service, or the edge', (t) => {
  t.deepEqual(callerOf(`URI=${id}`, 'bakery.orders'), { kind: 'service', name: 'bakery.orders', ...identity });
  const edge = 'spiffe://weft.local/ns/weft/sa/edge';
  t.deepEqual(callerOf(`URI=${edge}`, 'edge'), {
    kind: 'edge',
    name: 'edge',
    id: edge,
    namespace: 'weft',
    serviceAccount: 'edge',
  });
  for (const none of ['', '*', 'bakery.orders,bakery.payments', 'Bakery Orders'])
    t.is(callerOf(`URI=${id}`, none).kind, 'workload', none);
});

test('without an identity the caller is local, whatever name it gives itself', (t) => {
  for (const header of [
    null,
    '',
    'Hash=abc',
    'By=spiffe://weft.local/x',
    'URI=https://example.com',
    'XURI=spiffe://a/b',
  ])
    t.deepEqual(callerOf(header, 'bakery.orders'), { kind: 'local', id: 'local' }, String(header));
});

test('an id of another form is kept whole', (t) => {
  t.deepEqual(callerOf('URI=spiffe://a/b', undefined), {
    kind: 'workload',
    id: 'spiffe://a/b',
    namespace: '',
    serviceAccount: '',
  });
});
