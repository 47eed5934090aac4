import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCompiler } from '@weft/compiler/envoy/compiler';
import { typeUrls, type ViewChange } from '@weft/compiler/envoy/resource';
import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import test, { type ExecutionContext } from 'ava';
import { shopMesh } from './api/shop-mesh.fixture.ts';
import { openRootAuthority } from './identity/root-directory.ts';
import { WorkloadIdentities } from './identity/workload-identities.ts';
import { Snapshots } from './snapshots.ts';

const mesh = shopMesh();

async function open(t: ExecutionContext) {
  const path = await mkdtemp(join(tmpdir(), 'weft-snapshots-'));
  t.teardown(() => rm(path, { recursive: true }));
  let nowMs = Date.UTC(2026, 10, 22);
  const identities = new WorkloadIdentities({ root: await openRootAuthority(path, nowMs), now: () => nowMs });
  t.teardown(() => identities.close());
  const snapshots = new Snapshots(createCompiler(), identities);
  const changes: (readonly ViewChange[])[] = [];
  snapshots.onChange((change) => changes.push(change));
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { snapshots, changes, pass };
}

test('a snapshot has configuration and secrets, and stays the same object while nothing changes', async (t) => {
  const { snapshots, changes } = await open(t);
  t.is(snapshots.get('shop/orders-0'), undefined);
  snapshots.open('shop/orders-0');
  t.is(snapshots.view('shop/orders-0'), undefined);
  t.deepEqual(snapshots.take(mesh), []);
  t.deepEqual(changes, [[{ proxies: ['shop/orders-0'], names: 'everything' }]]);
  t.deepEqual([...(snapshots.view('shop/orders-0')?.names(typeUrls.secret) ?? [])], ['identity', 'root']);
  const snapshot = snapshots.get('shop/orders-0');
  t.deepEqual([...(snapshot?.keys() ?? [])].sort(), Object.values(typeUrls).sort());
  t.deepEqual([...(snapshot?.get(typeUrls.secret)?.keys() ?? [])], ['identity', 'root']);
  t.is(snapshots.get('shop/orders-0'), snapshot);
  snapshots.take(mesh);
  t.is(changes.length, 1);
  t.is(snapshots.get('shop/nobody'), undefined);
});

test('a renewed certificate changes the secrets and nothing else', async (t) => {
  const { snapshots, changes, pass } = await open(t);
  snapshots.take(mesh);
  const before = snapshots.get('shop/orders-0');
  snapshots.open('shop/orders-0');
  pass(13 * 3_600_000);
  snapshots.renewed(['shop/orders-0', 'shop/catalog-0']);
  t.deepEqual(changes, [[{ proxies: ['shop/orders-0'], names: new Map([[typeUrls.secret, ['identity']]]) }]]);
  const after = snapshots.get('shop/orders-0');
  for (const [typeUrl, resources] of before ?? []) {
    if (typeUrl !== typeUrls.secret) t.is(after?.get(typeUrl), resources, typeUrl);
  }
  const version = (of: typeof before) => of?.get(typeUrls.secret)?.get('identity')?.version;
  t.not(version(after), version(before));
});

test('a shorter life reissues all; a workload that goes is told', async (t) => {
  const { snapshots, changes } = await open(t);
  snapshots.take(mesh);
  for (const id of mesh.workloads.keys()) snapshots.open(id);
  const shorter: Mesh = { ...mesh, settings: { ...mesh.settings, certificateLifetimeMs: 60_000 } };
  snapshots.take(shorter);
  t.deepEqual(proxiesOf(changes.at(-1)), [...mesh.workloads.keys()].sort());
  const workloads = new Map([...mesh.workloads].filter(([id]) => id !== 'shop/orders-0'));
  t.deepEqual(snapshots.take({ ...shorter, workloads }), ['shop/orders-0']);
  t.is(snapshots.get('shop/orders-0'), undefined);
  t.is(snapshots.view('shop/orders-0'), undefined);
});

function proxiesOf(changes: readonly ViewChange[] = []): WorkloadId[] {
  return changes.flatMap(({ proxies }) => [...proxies]).sort();
}
