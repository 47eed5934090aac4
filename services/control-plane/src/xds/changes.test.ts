import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Resource, type Snapshot, typeUrls, type View } from '@weft/compiler/envoy/resource';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import test from 'ava';
import { createDelivery } from './delivery.ts';
import { step } from './stream.ts';
import { TestStream } from './testing/client.ts';
import { LocalClient } from './testing/local-client.ts';
import { cluster, endpoints, listener, route, snapshotOf } from './testing/resources.ts';
import { TestViews } from './testing/views.ts';

const idOf = (index: number): WorkloadId => `bakery/orders-${index}`;
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Clusters with their endpoints, one listener, and routes that lead to the last of the clusters. */
function mesh(names: readonly string[], content: Readonly<Record<string, string>> = {}) {
  return snapshotOf([
    ...names.map((name) => cluster(name)),
    ...names.map((name) => endpoints(name, content[name])),
    listener('in'),
    route('in', names.at(-1)),
  ]);
}

/** Lets all these proxies hold the same. */
function setAll(views: TestViews, ids: readonly WorkloadId[], snapshot: Snapshot): void {
  views.setAll(ids.map((id) => [id, snapshot]));
}

test('an endpoint change costs only the streams that it concerns, whatever there is besides', async (t) => {
  const names = Array.from({ length: 300 }, (_, index) => `c${index}`);
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const ids = Array.from({ length: 100 }, (_, index) => idOf(index));
  setAll(views, ids, mesh(names));
  const clients = ids.map((id) => new LocalClient(delivery, id));
  for (const client of clients) {
    client.settle(names, ['in']);
    client.take();
  }
  const before = ids.map((id) => views.view(id)?.lookups ?? 0);
  const concerned = [7, 50, 99];
  setAll(views, concerned.map(idOf), mesh(names, { c5: 'b' }));
  await nextTurn();
  for (const index of concerned) clients[index]?.ackAll();
  const lookups = ids.map((id, index) => (views.view(id)?.lookups ?? 0) - (before[index] ?? 0));
  const told = clients.map((client) => client.take());
  for (const index of ids.keys()) {
    t.deepEqual(told[index], concerned.includes(index) ? ['endpoints c5'] : [], `${index}`);
    t.is(lookups[index], concerned.includes(index) ? 1 : 0, `${index}`);
  }
});

test('an answer between a change and its push is followed by the change in its order', async (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const ids = Array.from({ length: 60 }, (_, index) => idOf(index));
  setAll(views, ids, mesh(['a']));
  const clients = ids.map((id) => new LocalClient(delivery, id));
  for (const client of clients) client.settle(['a'], ['in']);
  const last = clients.at(-1);
  // The last of many streams is about to answer when a new cluster and a route to it come.
  last?.ask({ typeUrl: typeUrls.route, resourceNamesSubscribe: ['in'] });
  for (const client of clients) client.take();
  setAll(views, ids, mesh(['a', 'b']));
  t.deepEqual(last?.take(), [], 'its turn has not come');
  last?.ask({ typeUrl: typeUrls.route, resourceNamesSubscribe: ['in'] });
  t.deepEqual(last?.take(), ['cluster b']);
  await nextTurn();
  await nextTurn();
  await nextTurn();
  t.deepEqual(last?.take(), [], 'its push has nothing to add');
  t.deepEqual(clients.at(-2)?.take(), ['cluster b']);
});

test('changes that come before the turn of a stream are one push', async (t) => {
  const views = new TestViews();
  const delivery = createDelivery({ views });
  const ids = Array.from({ length: 30 }, (_, index) => idOf(index));
  setAll(views, ids, mesh(['a', 'b']));
  const clients = ids.map((id) => new LocalClient(delivery, id));
  for (const client of clients) {
    client.settle(['a', 'b'], ['in']);
    client.take();
  }
  for (const content of [{ a: '1' }, { a: '1', b: '1' }, { a: '2', b: '1' }]) {
    setAll(views, ids, mesh(['a', 'b'], content));
  }
  await nextTurn();
  await nextTurn();
  t.deepEqual(clients.at(-1)?.take(), ['endpoints a b']);
});

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Collects all garbage, also what weak references held. */
async function settleHeap(): Promise<void> {
  for (let times = 0; times < 3; times++) {
    collect();
    await nextTurn();
  }
}

for (const answers of [true, false]) {
  test.serial(
    `100,000 endpoint changes leave a stream as large as it was, ${answers ? 'answered' : 'unanswered'}`,
    async (t) => {
      const names = ['a', 'b', 'c'];
      const shown = new Map<string, Resource>();
      const clusters = snapshotOf(names.map((name) => cluster(name)));
      const view: View = {
        get: (typeUrl, name) => (typeUrl === typeUrls.endpoints ? shown.get(name) : clusters.get(typeUrl)?.get(name)),
        names: (typeUrl) => clusters.get(typeUrl)?.keys() ?? [],
      };
      const stream = new TestStream('delta');
      const { state } = stream;
      step(state, { kind: 'changed', view, names: 'everything' });
      stream.delta(typeUrls.cluster, { nonce: stream.delta(typeUrls.cluster)[0]?.nonce ?? '' });
      stream.delta(typeUrls.endpoints, { subscribe: names });
      const change = (round: number) => {
        const name = names[round % 3] ?? '';
        shown.set(name, endpoints(name, `${round}`));
        step(state, { kind: 'changed', view, names: new Map([[typeUrls.endpoints, [name]]]) });
        for (const effect of step(state, { kind: 'push' })) {
          if (effect.kind !== 'send' || !answers) continue;
          const { typeUrl, nonce: responseNonce } = effect.response;
          step(state, { kind: 'delta request', request: { ...ackOf, typeUrl, responseNonce } });
        }
      };
      const sizes = () => {
        const watch = state.watches.get(typeUrls.endpoints);
        const { pending, due, alone, underWay, refused } = watch ?? {};
        const sets = [pending, due, alone, underWay, refused, state.awaited].map((each) => each?.size ?? 0);
        return [...sets, watch?.held.size, watch?.outstanding.length];
      };
      for (let round = 0; round < 20_000; round++) change(round);
      await settleHeap();
      const [before, usedBefore] = [sizes(), process.memoryUsage().heapUsed];
      for (let round = 20_000; round < 120_000; round++) change(round);
      await settleHeap();
      const grownKb = (process.memoryUsage().heapUsed - usedBefore) / 1000;
      t.deepEqual(sizes(), before);
      t.true(grownKb < 1_000, `${grownKb} kB more`);
    },
  );
}

const ackOf = { resourceNamesSubscribe: [], resourceNamesUnsubscribe: [], initialResourceVersions: {} };
