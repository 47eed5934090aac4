import { typeUrls } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test from 'ava';
import { createDelivery, type Delivery } from './delivery.ts';
import { LocalClient } from './testing/local-client.ts';
import { cluster, endpoints, listener } from './testing/resources.ts';
import { TestViews } from './testing/views.ts';

const id = 'bakery/orders-0';
const { cluster: CDS, endpoints: EDS } = typeUrls;

test('a proxy is shown with what it was sent, what it took and when', (t) => {
  const views = new TestViews();
  let time = 1_000;
  const delivery = createDelivery({ views, now: () => time });
  views.set(id, [cluster('a'), cluster('b')]);
  const client = new LocalClient(delivery);
  time = 2_000;
  client.ask({ typeUrl: CDS });
  const sent = delivery.proxies().get(id);
  t.like(sent, { workload: id, variant: 'delta', connectedAt: 1_000, envoyVersion: '1.40.0' });
  t.is(sent?.types.get(CDS)?.ackedVersion, undefined);
  t.is(sent?.types.get(CDS)?.resources, 2);
  time = 3_000;
  client.ack();
  const acked = delivery.proxies().get(id)?.types.get(CDS);
  t.is(acked?.ackedAt, 3_000);
  t.is(acked?.ackedVersion, acked?.sentVersion);
  t.regex(acked?.sentVersion ?? '', /^[0-9a-f]{16}$/);
  client.stream.closed();
  t.is(delivery.proxies().size, 0);
});

test('a stream that fails ends, and no other', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const ids = ['bakery/a', 'bakery/b'] as const;
  for (const one of ids) views.set(one, [cluster('x')]);
  const clients = ids.map((one) => new LocalClient(delivery, one));
  for (const client of clients) {
    client.ask({ typeUrl: CDS });
    client.ack();
  }
  const broken = { ...cluster('x', 'next') };
  Object.defineProperty(broken, 'body', {
    get() {
      throw new Error('no key to sign with');
    },
  });
  views.set('bakery/a', [broken]);
  views.set('bakery/b', [cluster('x', 'next')]);
  views.set('bakery/b', [cluster('x', 'last')]);
  const [a, b] = clients;
  t.deepEqual(a?.ends, ['internal']);
  t.deepEqual(b?.ends, []);
  t.is(b?.received.length, 2);
  b?.ack();
  t.is(b?.received.length, 3);
});

test('a refusal is shown and told with the name and the words, until something better is taken', (t) => {
  const views = new TestViews();
  const warnings: object[] = [];
  const delivery = createDelivery({
    views,
    now: () => 5_000,
    log: { info() {}, warn: (fields) => warnings.push(fields) },
  });
  const nacks: string[] = [];
  const acks: boolean[] = [];
  delivery.onNack(({ names, message }) => nacks.push(`${names}: ${message}`));
  delivery.onAck(({ complete }) => acks.push(complete));
  views.set(id, [cluster('a'), cluster('b')]);
  const client = new LocalClient(delivery);
  client.ask({ typeUrl: CDS });
  const nonce = client.received[0]?.nonce ?? '';
  client.ask({
    typeUrl: CDS,
    responseNonce: nonce,
    errorDetail: { code: 13, message: 'Error adding/updating cluster(s) b: no' },
  });
  t.deepEqual(nacks, ['b: Error adding/updating cluster(s) b: no']);
  t.is(warnings.length, 1);
  const nack = { names: ['b'], message: 'Error adding/updating cluster(s) b: no', nonce, at: 5_000 };
  t.deepEqual(delivery.proxies().get(id)?.types.get(CDS)?.nack, nack);
  views.set(id, [cluster('a', 'x'), cluster('b')]);
  client.ack();
  t.truthy(delivery.proxies().get(id)?.types.get(CDS)?.nack);
  views.set(id, [cluster('a', 'x'), cluster('b', 'x')]);
  client.ack();
  t.deepEqual(acks, [false, true]);
  t.is(delivery.proxies().get(id)?.types.get(CDS)?.nack, undefined);
});

test('a proxy whose mesh is not known yet is sent nothing until it is', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const client = new LocalClient(delivery);
  client.ask({ typeUrl: CDS });
  t.is(client.received.length, 0);
  views.set(id, [cluster('a')]);
  t.deepEqual(
    client.received.map(({ resources }) => resources.map(({ name }) => name)),
    [['a']],
  );
});

test('rule 12: a stream is in its place before its view is computed', (t) => {
  class WatchedViews extends TestViews {
    override view(workload: WorkloadId) {
      const seen = delivery.proxies().has(workload) && this.connected.has(workload);
      t.true(seen);
      return super.view(workload);
    }
  }
  const views = new WatchedViews();
  views.set(id, [cluster('a')]);
  const delivery: Delivery = createDelivery({ views });
  t.plan(2);
  const client = new LocalClient(delivery);
  client.ask({ typeUrl: CDS });
  t.is(client.received.length, 1);
});

test('a second stream of a proxy ends the first, and goes on where that was', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  views.set(id, [cluster('a'), endpoints('a')]);
  const old = new LocalClient(delivery);
  old.ask({ typeUrl: CDS });
  const next = new LocalClient(delivery);
  t.deepEqual(old.ends, ['aborted']);
  old.stream.closed();
  t.true(delivery.proxies().has(id));
  next.ask({ typeUrl: EDS, resourceNamesSubscribe: ['a'], initialResourceVersions: { a: endpoints('a').version } });
  t.deepEqual(
    next.received.map(({ typeUrl }) => typeUrl),
    [EDS],
  );
});

test('a proxy that is gone loses its stream; the end of delivery ends all', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const first = new LocalClient(delivery);
  const second = new LocalClient(delivery, 'bakery/orders-1');
  delivery.drop(id);
  t.deepEqual(first.ends, ['permissionDenied']);
  t.false(delivery.proxies().has(id));
  delivery.close();
  t.deepEqual(second.ends, ['unavailable']);
  t.is(views.listeners, 0);
});

test('bytes that are no request end the stream', (t) => {
  const delivery = createDelivery({ views: new TestViews() });
  const client = new LocalClient(delivery);
  client.stream.receive(Uint8Array.of(0xff, 0xff));
  t.deepEqual(client.ends, ['invalidArgument']);
  t.is(delivery.proxies().size, 0);
});

test('while the transport is full, changes become one merged push', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  views.set(id, [endpoints('a'), endpoints('b'), endpoints('c')]);
  const client = new LocalClient(delivery);
  client.full = true;
  client.ask({ typeUrl: EDS, resourceNamesSubscribe: ['a', 'b', 'c'] });
  client.ack();
  t.is(client.received.length, 1);
  views.set(id, [endpoints('a', 'x'), endpoints('b'), endpoints('c')]);
  views.set(id, [endpoints('a', 'x'), endpoints('b', 'x'), endpoints('c')]);
  views.set(id, [endpoints('a', 'y'), endpoints('b', 'x'), endpoints('c')]);
  t.is(client.received.length, 1);
  client.full = false;
  client.stream.drained();
  t.deepEqual(
    client.received
      .slice(1)
      .map(({ resources }) => resources.map(({ resource }) => Buffer.from(resource?.value ?? []).toString())),
    [['a=y', 'b=x']],
  );
});

test('a listener that changes the mesh on an ACK does not mix up the order of responses', (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  views.set(id, [cluster('a'), listener('in')]);
  const client = new LocalClient(delivery);
  client.ask({ typeUrl: CDS });
  const stop = delivery.onAck(() => {
    stop();
    views.set(id, [cluster('b'), listener('in')]);
  });
  client.ask({ typeUrl: CDS, responseNonce: '1', resourceNamesSubscribe: ['a'] });
  t.deepEqual(
    client.received.map(({ nonce }) => nonce),
    ['1', '2', '3'],
  );
});

test('a stream whose view cannot be opened leaves nothing behind, and the next one is served', (t) => {
  class FailingViews extends TestViews {
    fails = true;
    override open(workload: WorkloadId): void {
      if (this.fails) throw new Error('the compiler has a bug');
      super.open(workload);
    }
  }
  const views = new FailingViews();
  views.set(id, [cluster('a')]);
  const delivery = createDelivery({ views });
  t.throws(() => new LocalClient(delivery), { message: 'the compiler has a bug' });
  t.is(delivery.proxies().size, 0);
  views.fails = false;
  const client = new LocalClient(delivery);
  client.ask({ typeUrl: CDS });
  t.deepEqual(client.take(), ['cluster a']);
  client.stream.closed();
  t.is(delivery.proxies().size, 0);
});
