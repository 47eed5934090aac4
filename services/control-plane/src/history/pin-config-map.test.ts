import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import test, { type ExecutionContext } from 'ava';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import { quick } from '../sources/kubernetes/cluster.fixture.ts';
import { WholeMesh } from '../wiring/whole-mesh.fixture.ts';
import { Memory } from './memory.ts';
import type { Pin } from './pin.ts';
import { PinConfigMap } from './pin-config-map.ts';

const configMaps = '/api/v1/configmaps';
const set = descriptorSet('bakery.catalog');

const contract = {
  namespace: 'bakery',
  hash: contractHash(set),
  origin: 'ConfigMap bakery/c',
  descriptorSet: Buffer.from(set),
};

const pin: Pin = {
  revisionId: 'abcdef012345',
  sinceMs: 1000,
  why: 'it loops',
  by: 'ann',
  contracts: [contract],
  resources: [
    {
      apiVersion: 'weft.dev/v1',
      kind: 'MeshPolicy',
      metadata: { name: 'p', namespace: 'bakery' },
      spec: { service: 'catalog' },
      origin: 'MeshPolicy bakery/p',
    },
  ],
  running: ['bakery/a'],
};

function store(t: ExecutionContext, fake: FakeApiServer): PinConfigMap {
  const api = fake.api();
  const pins = new PinConfigMap({ api, namespace: 'weft-system', times: quick });
  t.teardown(async () => {
    await pins.close();
    api.close();
  });
  return pins;
}

async function until(holds: () => boolean): Promise<void> {
  const giveUp = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > giveUp) throw new Error(`not in time: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a pin is kept whole, changed and ended', async (t) => {
  const fake = await FakeApiServer.start(t);
  const pins = store(t, fake);
  t.is(await pins.load(), undefined);
  await pins.save(pin);
  t.deepEqual(await store(t, fake).load(), pin);
  await pins.save({ ...pin, revisionId: 'fedcba012345' });
  t.is((await store(t, fake).load())?.revisionId, 'fedcba012345');
  await pins.save(undefined);
  await pins.save(undefined);
  t.is(await store(t, fake).load(), undefined);
});

test('one that cannot be read, or not be kept, is an error', async (t) => {
  const fake = await FakeApiServer.start(t);
  const name = 'weft-pin';
  fake.put(configMaps, { metadata: { namespace: 'weft-system', name }, binaryData: { 'pin.json.gz': 'bm9uZQ==' } });
  await t.throwsAsync(store(t, fake).load());
  const noise = Buffer.from(Array.from({ length: 1_000_000 }, () => Math.floor(Math.random() * 256)));
  const large = { ...pin, contracts: [{ ...contract, descriptorSet: noise }] };
  await t.throwsAsync(store(t, fake).save(large), { message: /and a ConfigMap holds 1000000$/ });
});

test('all replicas hold what one was told, and one that starts later does', async (t) => {
  const fake = await FakeApiServer.start(t);
  const directory = new MeshDirectory().contract('bakery', 'bakery.catalog', set).service('catalog');
  const facts = parseDirectory(directory.files);
  const replica = async () => {
    const state = await mkdtemp(join(tmpdir(), 'weft-memory-'));
    let turns = 0;
    const memory = await Memory.open({
      directory: state,
      pins: store(t, fake),
      wholeFacts: () => facts,
      onPin: () => (turns += 1),
    });
    t.teardown(async () => {
      await memory.close();
      await rm(state, { recursive: true });
    });
    memory.record(new WholeMesh().take(facts));
    return { memory, turns: () => turns };
  };
  const one = await replica();
  const two = await replica();
  const [revision] = one.memory.revisions();
  if (revision === undefined) throw new Error('nothing was recorded');
  await one.memory.revert(revision, { why: 'it loops', by: 'ann' });
  await until(() => two.memory.pin !== undefined);
  t.deepEqual(two.memory.pin, one.memory.pin);
  t.deepEqual([one.turns(), two.turns()], [1, 1]);
  const three = await replica();
  t.deepEqual(three.memory.pin, one.memory.pin);
  await two.memory.clear({ why: '' });
  await until(() => [one, three].every(({ memory }) => memory.pin === undefined));
  t.deepEqual(fake.all(configMaps), []);
});
