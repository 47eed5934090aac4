import { setTimeout as sleep } from 'node:timers/promises';
import type { Override } from '@weft/compiler/model/override';
import { weftRef } from '@weft/compiler/model/resource-ref';
import test, { type ExecutionContext } from 'ava';
import type { KubernetesApi } from '../kubernetes/api.ts';
import { forWatched, watched } from '../kubernetes/cluster-objects.ts';
import { FakeApiServer } from '../kubernetes/fake-api-server.fixture.ts';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { KubernetesStatus } from './kubernetes-status.ts';
import type { DatedProblem } from './problem-log.ts';

const policies = '/apis/weft.dev/v1/meshpolicies';

/** 100 MeshPolicies and 100 pods, as a source would know them, and the status of a replica. */
async function cluster(t: ExecutionContext) {
  const fake = await FakeApiServer.start(t);
  const objects = forWatched(() => new Map<string, KubernetesObject>());
  const put = (name: 'meshPolicies' | 'pods', key: string, generation = 1) => {
    const metadata = { namespace: 'bakery', name: key, uid: `uid-${name}-${key}`, generation };
    const { kind, apiVersion } = watched[name];
    if (name === 'meshPolicies') fake.put(policies, { metadata, spec: {} });
    const { status }: { status?: unknown } = Object(name === 'meshPolicies' ? fake.get(policies, 'bakery', key) : {});
    objects[name].set(`bakery/${key}`, { apiVersion, kind, metadata, ...(status ? { status } : {}) });
  };
  for (let i = 0; i < 100; i++) {
    put('meshPolicies', `p${i}`);
    put('pods', `pod-${i}`);
  }
  const api = fake.api();
  const state = { decides: true, refusals: 0 };
  const call: KubernetesApi['call'] = async (request) => {
    if (request.method === 'PATCH' && state.refusals-- > 0) throw new Error('refused');
    return api.call(request);
  };
  const status = new KubernetesStatus({
    api: { ...api, call },
    replica: 'one',
    decides: () => state.decides,
    objects: () => objects,
    log: { warn() {} },
    times: { gatherMs: 1, retryMs: 20 },
  });
  t.teardown(async () => {
    await status.close();
    api.close();
  });
  /** What the source hears of conditions that were written. */
  const heard = () => {
    for (const [key, object] of objects.meshPolicies) {
      objects.meshPolicies.set(key, { ...object, ...Object(fake.get(policies, 'bakery', object.metadata.name)) });
    }
  };
  const patches = () => fake.requests.filter((request) => request.startsWith('PATCH')).length;
  /** Waits until so many objects were looked at since the last time and it is quiet, and says how many there were. */
  let before = 0;
  const looked = async (atLeast: number) => {
    for (let left = 1000; status.looked - before < atLeast && left > 0; left--) await sleep(20);
    for (let last = -1; last !== status.looked; await sleep(150)) last = status.looked;
    const count = status.looked - before;
    before = status.looked;
    return count;
  };
  return {
    fake,
    status,
    state,
    put,
    heard,
    patches,
    looked,
    delete: (key: string) => objects.pods.delete(`bakery/${key}`),
  };
}

function wrong(name: string, message = 'is wrong'): DatedProblem {
  return { resource: `MeshPolicy bakery/${name}`, about: [weftRef('MeshPolicy', name, 'bakery')], message, sinceMs: 0 };
}

test('it looks at what changed, and at all only in the beginning and when it begins to decide', async (t) => {
  const { status, state, put, heard, patches, looked } = await cluster(t);
  status.report([], []);
  t.is(await looked(100), 100);
  t.is(patches(), 100);
  heard();
  status.report([], []);
  t.is(await looked(0), 0);
  status.report([wrong('p7')], []);
  t.is(await looked(1), 1);
  heard();
  status.report([wrong('p7', 'is still wrong'), wrong('p8')], []);
  t.is(await looked(2), 2);
  heard();
  status.report([wrong('p8')], []);
  t.is(await looked(1), 1);
  t.is(patches(), 104);
  heard();
  put('meshPolicies', 'p3', 2);
  status.changed('meshPolicies', ['bakery/p3']);
  status.changed('pods', ['bakery/pod-3', 'bakery/pod-4']);
  t.is(await looked(1), 1, 'there is nothing to say about the pods');
  t.is(patches(), 105);
  heard();

  state.decides = false;
  status.report([], []);
  status.changed('meshPolicies', ['bakery/p3']);
  t.is(await looked(0), 0, 'another replica decides');
  state.decides = true;
  status.look();
  t.is(await looked(100), 100);
  t.is(patches(), 106, 'p8 is well again; of the others it is said already');
});

test('what is wrong with a pod is said once it is there, and to the next one of its name', async (t) => {
  const { fake, status, put, looked, delete: remove } = await cluster(t);
  const ref = { group: 'weft.dev', kind: 'Workload', namespace: 'bakery', name: 'late' };
  status.report([{ resource: 'Workload bakery/late', about: [ref], message: 'is wrong', sinceMs: 0 }], []);
  await looked(100);
  const events = () => fake.all('/api/v1/events').length;
  t.is(events(), 0);
  put('pods', 'late');
  status.changed('pods', ['bakery/late']);
  t.is(await looked(1), 1);
  t.is(events(), 1);
  remove('late');
  status.changed('pods', ['bakery/late']);
  t.is(await looked(1), 1);
  t.is(events(), 1);
});

test('an override is looked at when it is another', async (t) => {
  const { status, looked } = await cluster(t);
  const override: Override = {
    id: 'bakery/calm',
    ref: weftRef('MeshOverride', 'calm', 'bakery'),
    service: 'bakery/orders',
    methods: [],
    effects: [],
    refusals: [],
    state: 'active',
    reason: '',
    by: '',
    origin: 'MeshOverride bakery/calm',
  };
  status.report([], [override]);
  await looked(100);
  status.report([], [override]);
  t.is(await looked(0), 0);
  status.report([], [{ ...override, state: 'ended' }]);
  t.is(await looked(1), 1);
});

test('what the API server refuses is tried again', async (t) => {
  const { status, state, looked, patches, heard } = await cluster(t);
  status.report([], []);
  await looked(100);
  heard();
  state.refusals = 1;
  status.report([wrong('p1')], []);
  t.is(await looked(2), 2);
  t.is(patches(), 101);
});
