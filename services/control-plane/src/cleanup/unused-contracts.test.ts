import { contractHash } from '@weft/compiler/contracts/contract-hash';
import test, { type ExecutionContext } from 'ava';
import { forWatched } from '../kubernetes/cluster-objects.ts';
import { fill, follow, objects, ordersContract, ordersHash, paths } from '../sources/kubernetes/cluster.fixture.ts';
import { UnusedContracts } from './unused-contracts.ts';

const graceMs = 600_000;
const replicaSets = '/apis/apps/v1/replicasets';

/** A cluster whose pods run the contract of orders, and what removes unused ones, at the time that the test says. */
async function cluster(t: ExecutionContext, options: { readonly decides?: boolean } = {}) {
  const { fake, source, synced, until } = await follow(t, (server) => {
    fill(server);
    server.put(paths.contracts, dated(objects.contract(), '2026-01-01T00:00:00Z'));
  });
  await synced;
  let nowMs = 0;
  let seen = () => source.objects;
  const removed: unknown[] = [];
  const warned: unknown[] = [];
  const api = fake.api();
  const unused = new UnusedContracts({
    api,
    decides: () => options.decides ?? true,
    objects: () => seen(),
    log: {
      info: ({ contract }: { contract?: unknown }) => removed.push(contract),
      warn: (fields) => warned.push(fields),
    },
    everyMs: 3_600_000,
    graceMs,
    now: () => nowMs,
  });
  t.teardown(async () => {
    await unused.close();
    api.close();
  });
  return {
    fake,
    source,
    removed,
    warned,
    async after(ms: number) {
      nowMs += ms;
      await unused.look();
      return removed.splice(0);
    },
    async withoutPods() {
      for (const { metadata } of fake.all(paths.pods)) fake.delete(paths.pods, metadata.namespace ?? '', metadata.name);
      await until('no pods', ({ workloads }) => workloads.every(({ namespace }) => namespace !== 'bakery'));
    },
    /** What is watched comes late from now on. */
    late() {
      const objects = forWatched((name) => new Map(source.objects[name]));
      seen = () => objects;
    },
    until,
  };
}

function dated<T extends { metadata: object }>(object: T, creationTimestamp: string): T {
  return { ...object, metadata: { ...object.metadata, creationTimestamp } };
}

const replicaSet = (hash: string) => ({
  metadata: { namespace: 'bakery', name: `orders-${hash.slice(0, 4)}`, labels: {} },
  spec: { replicas: 0, template: { metadata: { labels: { 'weft.dev/contract': hash } } } },
});

test('a version goes a while after its last pod', async (t) => {
  const { after, withoutPods, fake } = await cluster(t);
  t.deepEqual(await after(0), []);
  t.deepEqual(await after(graceMs), [], 'it is run');
  await withoutPods();
  t.deepEqual(await after(0), []);
  t.deepEqual(await after(graceMs - 1), []);
  t.deepEqual(await after(1), [`bakery/${ordersHash}`]);
  t.deepEqual(fake.all(paths.contracts), []);
});

test('what a rollback, a schedule or a paused rollout could bring back stays', async (t) => {
  const { after, withoutPods, fake } = await cluster(t);
  await after(0);
  fake.put(replicaSets, replicaSet(ordersHash));
  await withoutPods();
  await after(0);
  t.deepEqual(await after(graceMs), []);
  fake.delete(replicaSets, 'bakery', `orders-${ordersHash.slice(0, 4)}`);
  const template = replicaSet(ordersHash).spec.template;
  const others = {
    '/apis/apps/v1/deployments': { spec: { paused: true, template } },
    '/apis/apps/v1/controllerrevisions': { data: { spec: { template } } },
    '/apis/batch/v1/cronjobs': { spec: { jobTemplate: { spec: { template } } } },
    '/apis/batch/v1/jobs': { spec: { suspend: true, template } },
  };
  for (const [path, object] of Object.entries(others)) {
    fake.put(path, { metadata: { namespace: 'bakery', name: 'x' }, ...object });
    t.deepEqual(await after(0), [], path);
    fake.delete(path, 'bakery', 'x');
  }
  // The same hash in another namespace is another version.
  fake.put(replicaSets, { ...replicaSet(ordersHash), metadata: { namespace: 'other', name: 'x' } });
  t.deepEqual(await after(0), [`bakery/${ordersHash}`]);
});

test('a version that no pod has run may be for pods to come; one that is superseded is not', async (t) => {
  const { after, fake, source, until } = await cluster(t);
  // The same contract, one byte longer: an unknown field.
  const other = Buffer.concat([ordersContract, Buffer.from([0xf8, 0x7f, 0x01])]);
  const hash = contractHash(other);
  const put = (at: string) => fake.put(paths.contracts, dated(objects.contract(other, '1/1', 'other'), at));
  put('2026-01-02T00:00:00Z');
  await until('both', ({ contracts }) => contracts.length === 2);
  await after(0);
  t.deepEqual(await after(graceMs), [], 'it is the later one');
  fake.delete(paths.contracts, 'bakery', 'weft-contract-other');
  put('2025-12-31T00:00:00Z');
  const { contracts } = source.objects;
  const isEarlier = () => contracts.get('bakery/weft-contract-other')?.metadata.creationTimestamp?.startsWith('2025');
  while (!isEarlier()) await new Promise(setImmediate);
  await after(0);
  t.deepEqual(await after(graceMs), [`bakery/${hash}`]);
});

test('only who decides removes; a part that has changed since stays, and is tried again', async (t) => {
  const { after, withoutPods } = await cluster(t, { decides: false });
  await after(0);
  await withoutPods();
  await after(0);
  t.deepEqual(await after(graceMs), []);

  const second = await cluster(t);
  await second.after(0);
  await second.withoutPods();
  await second.after(0);
  second.late();
  second.fake.put(paths.contracts, dated(objects.contract(), '2026-01-03T00:00:00Z'));
  t.deepEqual(await second.after(graceMs), []);
  t.is(second.warned.length, 1);
  t.is(second.fake.all(paths.contracts).length, 1);
});

test('somebody’s own ConfigMap is none, whatever its label', async (t) => {
  const { after, withoutPods, fake, until } = await cluster(t);
  const own = {
    metadata: { namespace: 'bakery', name: 'own', labels: { 'weft.dev/contract': ordersHash } },
    data: { a: 'b' },
  };
  fake.put(paths.contracts, own);
  await until('it is told', ({ problems }) => problems.some(({ resource }) => resource.includes('own')));
  await after(0);
  await withoutPods();
  await after(0);
  await after(graceMs);
  t.deepEqual(
    fake.all(paths.contracts).map(({ metadata }) => metadata.name),
    ['own'],
  );
});
