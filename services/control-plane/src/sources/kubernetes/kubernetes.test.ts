import { contractHash } from '@weft/compiler/contracts/contract-hash';
import type { Facts } from '@weft/compiler/facts/facts';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { assemble } from '@weft/compiler/translation/assemble';
import test from 'ava';
import { fill, follow, objects, ordersContract, ordersHash, paths } from './cluster.fixture.ts';

const names = (items: readonly { name: string }[]) => items.map(({ name }) => name).sort();
const ready = (facts: Facts) => facts.workloads.filter((workload) => workload.ready).map(({ name }) => name);

test('a labelled namespace is a mesh without further resources', async (t) => {
  const { until } = await follow(t);
  const facts = await until('facts', () => true);
  t.deepEqual(facts.problems, []);
  t.like(facts.services[0], {
    namespace: 'bakery',
    name: 'orders',
    ports: [{ port: 80, targetPort: 'grpc', appProtocol: 'grpc' }],
    addresses: ['10.0.0.10'],
    origin: 'Service bakery/orders',
  });
  t.deepEqual(facts.workloads, [
    {
      id: 'bakery/orders-0',
      namespace: 'bakery',
      name: 'orders-0',
      labels: { app: 'orders', 'weft.dev/injected': 'redirect', 'weft.dev/contract': ordersHash },
      serviceAccount: 'orders',
      spiffeId: 'spiffe://weft.local/ns/bakery/sa/orders',
      contractHash: ordersHash,
      inbound: [],
      outbound: { listen: { host: '127.0.0.1', port: 15_001 } },
      pod: { addresses: ['10.1.0.1'], interception: 'redirect', portNames: { grpc: 8080 } },
      ready: true,
      locality: { zone: 'eu-1a' },
    },
  ]);
  t.is(facts.contracts[0]?.hash, ordersHash);
  const mesh = assemble(facts, Date.now());
  t.is(mesh.services.get('bakery/orders')?.logicalName, 'bakery.orders');
  t.deepEqual(mesh.services.get('bakery/orders')?.workloads, ['bakery/orders-0']);
});

test('which Services count', async (t) => {
  const { until } = await follow(t, (fake) => {
    fill(fake);
    fake.put(paths.namespaces, objects.namespace('plain', {}));
    fake.put(paths.services, objects.service('off', { labels: { 'weft.dev/mesh': 'disabled' } }));
    fake.put(paths.services, objects.service('external', { spec: { type: 'ExternalName' } }));
    fake.put(paths.services, objects.service('manual', { spec: { selector: null } }));
    fake.put(paths.services, objects.service('not', { namespace: 'plain' }));
    fake.put(paths.services, objects.service('on', { namespace: 'plain', labels: { 'weft.dev/mesh': 'enabled' } }));
  });
  const facts = await until('facts', () => true);
  t.deepEqual(names(facts.services), ['on', 'orders']);
  t.deepEqual(facts.problems, []);
});

test('changes are said, and unchanged parts stay the same objects', async (t) => {
  const { fake, until } = await follow(t);
  const before = await until('facts', () => true);
  fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  const after = await until('a second replica', (facts) => facts.workloads.length === 2);
  t.is(after.services, before.services);
  t.is(after.contracts, before.contracts);
  t.is(after.settings, before.settings);
  t.is(after.workloads[0], before.workloads[0]);
  fake.delete(paths.pods, 'bakery', 'orders-1');
  await until('it is gone', (facts) => facts.workloads.length === 1);
});

test('a replica leaves when its deletion begins, when it is not ready, and when its slice denies it', async (t) => {
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    api.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
    api.put(paths.pods, objects.pod('orders-2', { ip: '10.1.0.3' }));
  });
  await until('three', (facts) => ready(facts).length === 3);
  const metadata = { ...objects.pod('orders-0').metadata, deletionTimestamp: '2026-11-22T00:00:00Z' };
  fake.put(paths.pods, objects.pod('orders-0', { metadata }));
  const deleted = await until('two', (facts) => ready(facts).length === 2);
  t.is(deleted.workloads.find(({ name }) => name === 'orders-0')?.reason, 'it is being deleted');
  fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2', ready: false }));
  const unready = await until('one', (facts) => ready(facts).length === 1);
  t.regex(unready.workloads.find(({ name }) => name === 'orders-1')?.reason ?? '', /unready status/);
  fake.put(paths.slices, objects.slice('orders-abc', [{ name: 'orders-2', ready: false }]));
  await until('none', (facts) => ready(facts).length === 0);
  fake.put(paths.slices, objects.slice('orders-def', [{ name: 'orders-2', ready: true }]));
  await until('another slice has it', (facts) => ready(facts).includes('orders-2'));
});

test('nothing is said before everything is listed: a slow list is no empty mesh', async (t) => {
  const { fake, said, until } = await follow(t, (api) => {
    fill(api);
    api.fail(paths.pods, 'list', 'slow');
    api.fail(paths.pods, 'list', 'slow');
  });
  while (!fake.requests.includes(`WATCH ${paths.contracts}`)) await new Promise((resolve) => setTimeout(resolve, 5));
  t.is(said.length, 0);
  fake.release();
  const facts = await until('facts', () => true);
  t.is(facts.workloads.length, 1);
  t.is(said.length, 1);
});

test('lists are read page by page', async (t) => {
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    for (let index = 1; index <= 1200; index++) {
      api.put(paths.pods, objects.pod(`orders-${index}`, { ip: `10.2.${index >> 8}.${index & 255}` }));
    }
  });
  const facts = await until('facts', () => true);
  t.is(facts.workloads.length, 1201);
  t.is(fake.requests.filter((request) => request === `LIST ${paths.pods}`).length, 3 + 1);
});

for (const fault of ['disconnect', 'garbage', 'not a list', 'unavailable', 'gone'] as const) {
  test(`first lists that end in "${fault}" are tried again, and nothing is said meanwhile`, async (t) => {
    const { until, said } = await follow(t, (api) => {
      fill(api);
      for (const path of [paths.pods, paths.services]) for (let n = 0; n < 4; n++) api.fail(path, 'list', fault);
    });
    const facts = await until('facts', () => true);
    t.is(facts.workloads.length, 1);
    t.is(facts.services.length, 1);
    t.is(said.length, 1);
  });

  test(`a watch that ends in "${fault}" goes on without a loss, and nothing is said twice`, async (t) => {
    const { fake, until, said } = await follow(t);
    const first = await until('facts', () => true);
    for (let n = 0; n < 3; n++) fake.fail(paths.pods, 'watch', fault);
    fake.endWatches(paths.pods, 'cut');
    fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
    const second = await until('the change', (facts) => facts.workloads.length === 2);
    t.is(second.workloads[0], first.workloads[0]);
    t.true(
      said.every(
        (facts, index) =>
          facts.workloads !== said[index - 1]?.workloads || facts.problems !== said[index - 1]?.problems,
      ),
    );
    await until('no problem is left', (facts) => facts.problems.length === 0);
    t.true(
      said.every((facts) => facts.workloads.length > 0),
      'no facts were lost on the way',
    );
  });
}

test('an API server that goes and comes back: what is known serves, and is not said again', async (t) => {
  const { fake, until, now, said } = await follow(t);
  const before = await until('facts', () => true);
  await fake.down();
  const away = await until('it is named', (facts) => facts.problems.length > 0);
  t.regex(away.problems[0]?.message ?? '', /what is known goes on serving/);
  t.is(away.workloads, before.workloads);
  t.is(away.services, before.services);
  await fake.up();
  await until('it is back', (facts) => facts.problems.length === 0);
  t.is(now().workloads, before.workloads);
  fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  await until('changes come again', (facts) => facts.workloads.length === 2);
  t.true(said.every((facts) => facts.services === before.services));
});

test('a history that is gone (410) is made up for by a list; objects that went meanwhile go', async (t) => {
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    api.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  });
  const before = await until('facts', () => true);
  await fake.down();
  fake.delete(paths.pods, 'bakery', 'orders-1');
  fake.put(paths.pods, objects.pod('orders-2', { ip: '10.1.0.3' }));
  fake.forgetHistory();
  await fake.up();
  const after = await until('the new state', (facts) => facts.workloads.some(({ name }) => name === 'orders-2'));
  t.deepEqual(names(after.workloads), ['orders-0', 'orders-2']);
  t.is(after.workloads[0], before.workloads[0]);
});

test('garbage in a watch is no event: all is read anew', async (t) => {
  for (const line of [
    '{"type": "ADDED", "obj',
    '{"type":"WEIRD","object":{}}',
    '[]',
    '{"type":"ERROR","object":{"code":500}}',
  ]) {
    const { fake, until, said } = await follow(t);
    const before = await until('facts', () => true);
    fake.say(paths.pods, line);
    fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
    await until(line, (facts) => facts.workloads.length === 2);
    t.true(said.every((facts) => facts.workloads[0] === before.workloads[0]));
  }
});

test('kinds that the API server does not know are empty, and are found when they come', async (t) => {
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    api.denyKind(paths.meshConfigs);
    api.denyKind(paths.meshPolicies);
  });
  const without = await until('facts', () => true);
  t.is(without.problems[0]?.message, 'there is no MeshConfig');
  t.is(without.problems[0]?.resource, 'MeshConfig mesh');
  fake.denyKind(paths.meshConfigs, false);
  fake.denyKind(paths.meshPolicies, false);
  const found = await until('the kinds came', (facts) => facts.settings.packages.length === 1);
  t.deepEqual(found.problems, []);
});

test('an API server that denies a kind only while it starts does not take its objects away', async (t) => {
  const { fake, until, said } = await follow(t);
  await until('facts', () => true);
  await fake.down();
  fake.denyKind(paths.meshConfigs);
  await fake.up();
  const seen = fake.requests.length;
  const asked = () => fake.requests.slice(seen).some((request) => request.endsWith(paths.meshConfigs));
  while (!asked()) await new Promise((resolve) => setTimeout(resolve, 1));
  fake.denyKind(paths.meshConfigs, false);
  fake.put(paths.pods, objects.pod('orders-1', { ip: '10.1.0.2' }));
  await until('it goes on', (facts) => facts.workloads.length === 2);
  t.true(said.every((facts) => facts.settings.packages.length === 1));
});

test('one bad object stops nothing, is named, and its last good form serves', async (t) => {
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    api.put(paths.services, objects.service('bad', { spec: { ports: [{ port: 70_000 }] } }));
    api.put(paths.meshConfigs, objects.meshConfig({}, 'other'));
    api.put(paths.pods, objects.pod('no-sidecar', { spec: { initContainers: [] } }));
  });
  const facts = await until('facts', () => true);
  t.deepEqual(names(facts.services), ['orders']);
  t.deepEqual(facts.problems.map(({ resource, field }) => `${resource}: ${field}`).sort(), [
    'MeshConfig other: metadata.name',
    'Pod bakery/no-sidecar: metadata.labels["weft.dev/injected"]',
    'Service bakery/bad: spec.ports[0].port',
  ]);
  fake.put(paths.services, objects.service('orders', { spec: { ports: [] } }));
  const broken = await until('it broke', ({ problems }) =>
    problems.some(({ resource }) => resource === 'Service bakery/orders'),
  );
  t.regex(
    broken.problems.find(({ resource }) => resource === 'Service bakery/orders')?.message ?? '',
    /last good version/,
  );
  t.deepEqual(broken.services, facts.services);
  fake.say(
    paths.services,
    JSON.stringify({ type: 'MODIFIED', object: { metadata: { namespace: 'bakery', name: 7 } } }),
  );
  const named = await until('what has no name', ({ problems }) =>
    problems.some(({ resource }) => resource === 'Service bakery/?'),
  );
  t.is(named.services.length, 1);
});

test('contracts: in parts, by their hash, each part where it belongs', async (t) => {
  const half = Math.floor(ordersContract.length / 2);
  const [head, tail] = [ordersContract.subarray(0, half), ordersContract.subarray(half)];
  const part = (bytes: Uint8Array, which: string, name: string) => objects.contract(bytes, which, name, ordersHash);
  const { fake, until } = await follow(t, (api) => {
    fill(api);
    api.delete(paths.contracts, 'bakery', 'weft-contract-orders');
    api.delete(paths.pods, 'bakery', 'orders-0');
    api.put(paths.contracts, part(tail, '2/2', 'a'));
  });
  const missing = await until('facts', () => true);
  t.is(missing.contracts.length, 0);
  t.is(missing.problems[0]?.message, 'has 1 of 2 parts');
  fake.put(paths.contracts, part(head, '1/2', 'b'));
  const whole = await until('both', (facts) => facts.contracts.length === 1);
  t.is(whole.contracts[0]?.hash, ordersHash);
  t.deepEqual(Buffer.from(whole.contracts[0]?.descriptorSet ?? []), ordersContract);
  t.deepEqual(whole.problems, []);
  fake.put(paths.contracts, part(head.subarray(1), '1/2', 'b'));
  const torn = await until('torn', (facts) => facts.contracts.length === 0);
  t.regex(torn.problems[0]?.message ?? '', /the descriptor set has the hash/);
});

test('a contract stays while a replica runs it, and the last understood one while its successor is not', async (t) => {
  const broken = withPolicy(ordersContract, 'PlaceOrder', { idempotencyKey: undefined });
  const hash = contractHash(broken);
  const { fake, until } = await follow(t);
  const first = await until('facts', () => true);
  fake.delete(paths.contracts, 'bakery', 'weft-contract-orders');
  fake.put(paths.contracts, objects.contract(broken, '1/1', 'next'));
  const both = await until('both', (facts) => facts.contracts.some((contract) => contract.hash === hash));
  t.true(both.contracts.some((contract) => contract === first.contracts[0]));
  const labels = { app: 'orders', 'weft.dev/injected': 'redirect', 'weft.dev/contract': hash };
  fake.put(paths.pods, objects.pod('orders-1', { metadata: { namespace: 'bakery', name: 'orders-1', labels } }));
  await until('a replica of the broken one', (facts) => facts.workloads.length === 2);
  fake.delete(paths.pods, 'bakery', 'orders-0');
  const broke = await until('no other', (facts) => facts.workloads.length === 1);
  t.deepEqual(names(broke.contracts.map(({ hash: name }) => ({ name }))), [ordersHash, hash].sort());
  fake.put(paths.pods, objects.pod('orders-1'));
  fake.put(paths.contracts, objects.contract());
  fake.delete(paths.contracts, 'bakery', 'weft-contract-next');
  await until('the good one', ({ contracts }) => contracts.length === 1 && contracts[0]?.hash === ordersHash);
});

test('an EndpointSlice says nothing of pods in other namespaces', async (t) => {
  const { fake, until } = await follow(t);
  const slice = objects.slice('theirs', [{ name: 'orders-0', ready: false, zone: 'moon' }]);
  fake.put(paths.slices, { ...slice, metadata: { namespace: 'thieves', name: 'theirs' } });
  // A name alone is one of the slice's own namespace, and so is one that is said to be of another.
  const endpoint = { conditions: { ready: false }, zone: 'moon', addresses: ['10.0.0.9'] };
  for (const [namespace, targetRef] of [
    ['thieves', { kind: 'Pod', name: 'orders-0' }],
    ['bakery', { kind: 'Pod', namespace: 'thieves', name: 'orders-0' }],
    ['bakery', { kind: 'Pod', namespace: '', name: 'orders-0' }],
    ['thieves', { kind: 'Pod', namespace: 'bakery', name: 'bakery/orders-0' }],
    ['thieves', { kind: 'Node', namespace: 'bakery', name: 'orders-0' }],
  ] as const) {
    const name = `slice-${namespace}-${JSON.stringify(targetRef).length}`;
    fake.put(paths.slices, { ...slice, metadata: { namespace, name }, endpoints: [{ ...endpoint, targetRef }] });
  }
  fake.delete(paths.slices, 'bakery', 'orders-abc');
  const facts = await until('its own slice is gone', ({ workloads }) => workloads[0]?.locality === undefined);
  t.deepEqual(ready(facts), ['orders-0']);
});
