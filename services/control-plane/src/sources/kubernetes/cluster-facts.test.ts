import { Graph } from '@weft/collections';
import { wholeFacts } from '@weft/compiler/facts/fact-collections';
import test from 'ava';
import fc from 'fast-check';
import { forWatched, type WatchedName, watched } from '../../kubernetes/cluster-objects.ts';
import type { KubernetesObject } from '../../kubernetes/object.ts';
import { keyOf, objectSchema } from '../../kubernetes/object.ts';
import { objects, ordersHash } from './cluster.fixture.ts';
import { clusterFacts } from './cluster-facts.ts';
import { keepParts } from './kept-parts.ts';

/** The facts of objects that come and go, without an API server. */
function cluster() {
  const graph = new Graph();
  const sources = forWatched((name) => graph.source<KubernetesObject>(name, { same: Object.is }));
  const { facts, namespaces } = clusterFacts(graph, sources, graph.constant('no problems', []));
  const put = (name: WatchedName, value: object) => {
    const { apiVersion, kind } = watched[name];
    const object = keepParts(name, { ...objectSchema.parse(value), apiVersion, kind });
    sources[name].set(keyOf(object), object);
  };
  const remove = (name: WatchedName, key: string) => sources[name].delete(key);
  return { graph, facts, namespaces, put, remove };
}

const podOf = (service: number, index: number, ready = true) =>
  objects.pod(`s${service}-${index}`, {
    app: `s${service}`,
    ip: `10.1.${service >> 8}.${service & 255}`,
    ready,
    metadata: {
      namespace: 'bakery',
      name: `s${service}-${index}`,
      labels: { app: `s${service}`, 'weft.dev/injected': 'redirect', 'weft.dev/contract': ordersHash },
    },
  });
const sliceOf = (service: number, count: number, unready = -1) =>
  objects.slice(
    `s${service}-abc`,
    Array.from({ length: count }, (_, index) => ({ name: `s${service}-${index}`, ready: index !== unready })),
  );

test('what a pod said before it was wrong is neither its readiness nor a later pod of its name', (t) => {
  const { graph, facts, put, remove } = cluster();
  const pod = (uid: string, application: string | undefined, ready: boolean, serviceAccountName: string) => {
    const annotations = application === undefined ? {} : { 'weft.dev/application': application };
    const labels = { app: 'orders', 'weft.dev/injected': 'redirect' };
    const metadata = { namespace: 'bakery', name: 'orders-0', uid, labels, annotations };
    return objects.pod('orders-0', { ready, metadata, spec: { serviceAccountName } });
  };
  const workload = () => facts.workloads.get('bakery/orders-0');
  graph.turn(() => put('pods', pod('one', undefined, true, 'orders')));
  t.like(workload(), { ready: true, serviceAccount: 'orders' });
  graph.turn(() => put('pods', pod('one', 'nonsense', true, 'orders')));
  t.like(workload(), { ready: true, serviceAccount: 'orders' });
  t.regex(facts.problems.get('Pod bakery/orders-0')?.[0]?.message ?? '', /last good version/);
  graph.turn(() => put('pods', pod('one', 'nonsense', false, 'orders')));
  t.like(workload(), { ready: false, serviceAccount: 'orders' });
  graph.turn(() => put('pods', pod('one', 'nonsense', true, 'orders')));
  graph.turn(() => {
    remove('pods', 'bakery/orders-0');
    put('pods', pod('two', 'nonsense', true, 'other'));
  });
  t.is(workload(), undefined);
});

test('a pod event computes the same few keys, however large the mesh is', (t) => {
  const computed = [10, 1000].map((services) => {
    const { graph, facts, put } = cluster();
    graph.turn(() => {
      put('namespaces', objects.namespace('bakery'));
      put('meshConfigs', objects.meshConfig());
      put('contracts', objects.contract());
      for (let service = 0; service < services; service++) {
        put('services', objects.service(`s${service}`));
        put('endpointSlices', sliceOf(service, 5));
        for (let index = 0; index < 5; index++) put('pods', podOf(service, index));
      }
    });
    t.is(facts.workloads.size, services * 5);
    const pod = graph.turn(() => put('pods', podOf(7, 3, false)));
    t.deepEqual([...pod.changed(facts.workloads).keys()], ['bakery/s7-3']);
    const slice = graph.turn(() => put('endpointSlices', sliceOf(7, 5, 2)));
    t.deepEqual([...slice.changed(facts.workloads).keys()], ['bakery/s7-2']);
    const another = graph.turn(() => put('pods', podOf(7, 5)));
    t.deepEqual([...another.changed(facts.workloads).keys()], ['bakery/s7-5']);
    return [pod, slice, another].map((turn) => Object.fromEntries(turn.computed));
  });
  t.deepEqual(computed[1], computed[0]);
  for (const turn of computed[1] ?? [])
    t.true(
      Object.values(turn).every((count) => count === 1),
      JSON.stringify(turn),
    );
});

test('what comes and goes leaves nothing behind', (t) => {
  const { graph, put, remove } = cluster();
  graph.turn(() => put('namespaces', objects.namespace('bakery')));
  const { watched: before } = graph;
  for (let index = 0; index < 300; index++) {
    graph.turn(() => {
      put('services', objects.service(`s${index}`));
      put('pods', podOf(index, 0));
      put('endpointSlices', sliceOf(index, 1));
      put('contracts', objects.contract());
    });
    graph.turn(() => {
      remove('services', `bakery/s${index}`);
      remove('endpointSlices', `bakery/s${index}-abc`);
      remove('contracts', 'bakery/weft-contract-orders');
    });
    graph.turn(() => remove('pods', `bakery/s${index}-0`));
  }
  t.is(graph.watched, before);
});

interface Event {
  readonly name: WatchedName;
  readonly key: string;
  /** Absent: it goes. */
  readonly object?: object;
}

/** Objects that are all well: what is wrong keeps its last good form, which depends on the order of events. */
const event: fc.Arbitrary<Event> = fc
  .oneof(
    fc.record({
      name: fc.constant('pods' as const),
      object: fc
        .record({ service: fc.nat(2), index: fc.nat(2), ready: fc.boolean() })
        .map(({ service, index, ready }) => podOf(service, index, ready)),
    }),
    fc.record({
      name: fc.constant('endpointSlices' as const),
      object: fc
        .record({ service: fc.nat(2), count: fc.nat(3), unready: fc.nat(3) })
        .map(({ service, count, unready }) => sliceOf(service, count, unready)),
    }),
    fc.record({
      name: fc.constant('services' as const),
      object: fc
        .record({
          service: fc.nat(2),
          labels: fc.constantFrom({}, { 'weft.dev/mesh': 'disabled' }, { 'weft.dev/mesh': 'enabled' }),
        })
        .map(({ service, labels }) => objects.service(`s${service}`, { labels })),
    }),
    fc.record({
      name: fc.constant('namespaces' as const),
      object: fc.constantFrom(objects.namespace('bakery'), objects.namespace('bakery', {})),
    }),
    fc.record({
      name: fc.constant('meshConfigs' as const),
      object: fc.constantFrom(
        objects.meshConfig({ trustDomain: 'one' }),
        objects.meshConfig({}),
        objects.meshConfig({}, 'other'),
      ),
    }),
    fc.record({
      name: fc.constant('meshPolicies' as const),
      object: fc
        .constantFrom('s0', 's1')
        .map((service) => ({ metadata: { namespace: 'bakery', name: 'p' }, spec: { service } })),
    }),
  )
  .chain(({ name, object }) => {
    const key = keyOf(objectSchema.parse(object));
    return fc.constantFrom<Event>({ name, key, object }, { name, key, object }, { name, key });
  });

function apply(
  { put, remove }: Pick<ReturnType<typeof cluster>, 'put' | 'remove'>,
  { name, key, object }: Event,
): void {
  if (object) put(name, object);
  else remove(name, key);
}

test('after any sequence of events the facts are those of a fresh reading', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(event, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (turns) => {
      const followed = cluster();
      const last = new Map<string, Event>();
      for (const events of turns) {
        followed.graph.turn(() => {
          for (const each of events) apply(followed, each);
        });
        for (const each of events) last.set(`${each.name} ${each.key}`, each);
        const fresh = cluster();
        fresh.graph.turn(() => {
          for (const each of last.values()) apply(fresh, each);
        });
        t.deepEqual(wholeFacts(followed.facts), wholeFacts(fresh.facts));
        t.deepEqual(followed.namespaces.keys(), fresh.namespaces.keys());
      }
      t.deepEqual(followed.graph.failures(), []);
    }),
    { numRuns: 200 },
  );
});

test('the order in which objects are heard of does not matter', (t) => {
  const all = fc.uniqueArray(event, { selector: ({ name, key }) => `${name} ${key}`, minLength: 2, maxLength: 10 });
  const orders = all.chain((events) =>
    fc.tuple(fc.constant(events), fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length })),
  );
  fc.assert(
    fc.property(orders, (both) => {
      const [one, other] = both.map((events) => {
        const followed = cluster();
        for (const each of events) followed.graph.turn(() => apply(followed, each));
        return wholeFacts(followed.facts);
      });
      t.deepEqual(one, other);
    }),
    { numRuns: 200 },
  );
});

test('of a pod nothing is kept that nobody reads, and what is wrong is kept for whoever says so', (t) => {
  const pod = objects.pod('orders-0');
  const metadata = {
    ...pod.metadata,
    annotations: { 'weft.dev/application': 'unix:/a', other: 'x' },
    ownerReferences: [{}],
  };
  const spec = { ...pod.spec, volumes: [{ name: 'v' }], containers: [{ name: 'a', image: 'x', env: [{ name: 'E' }] }] };
  const fat = { apiVersion: 'v1', kind: 'Pod', metadata, spec, status: { ...pod.status, containerStatuses: [{}] } };
  const kept = keepParts('pods', objectSchema.parse(fat));
  t.deepEqual(kept, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...pod.metadata, annotations: { 'weft.dev/application': 'unix:/a' } },
    spec: { ...pod.spec, containers: [{ name: 'a' }] },
    status: pod.status,
  });
  t.deepEqual(keepParts('pods', objectSchema.parse({ ...fat, spec: 'none' })).spec, 'none');
});
