import test from 'ava';
import { contractHash } from './contracts/contract-hash.ts';
import type { Snapshot, TypeUrl, ViewChange } from './envoy/resource.ts';
import { typeUrls } from './envoy/resource.ts';
import type { WorkloadId } from './model/mesh.ts';
import { DirectoryCompiler } from './testing/directory-compiler.ts';
import { withPolicy } from './testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from './testing/mesh-directory.ts';

const names = ['catalog', 'inventory', 'payments', 'orders'];

/** A mesh of four services and an edge. */
function bakery(spec: object = {}): MeshDirectory {
  const directory = new MeshDirectory(spec).edge('127.0.0.1:8080');
  names.forEach((name, index) => {
    const set = descriptorSet(`bakery.${name}`);
    directory
      .contract('bakery', `bakery.${name}`, set)
      .service(name)
      .replica(`${name}-0`, {
        contract: contractHash(set),
        inbound: `127.0.0.1:${2000 + index}`,
        application: `unix:/run/${name}`,
        outbound: `127.0.0.1:${2100 + index}`,
      });
  });
  return directory;
}

const orders1 = {
  contract: contractHash(descriptorSet('bakery.orders')),
  inbound: '127.0.0.1:2200',
  application: 'unix:/run/orders-1',
  outbound: '127.0.0.1:2201',
};

/** Takes a new state, and says whose resources changed and who was told of which. */
function update(bakery: DirectoryCompiler, directory: MeshDirectory) {
  const before = snapshots(bakery);
  const { changes } = bakery.update(directory);
  const after = snapshots(bakery);
  const changed = [...new Set([...before.keys(), ...after.keys()])]
    .filter((id) => !sameObjects(before.get(id), after.get(id)))
    .sort();
  return { changed, told: toldTo(changes), fresh: (id: WorkloadId) => fresh(before.get(id), after.get(id)) };
}

function snapshots({ compiler }: DirectoryCompiler): ReadonlyMap<WorkloadId, Snapshot> {
  return new Map(
    [...compiler.mesh.workloads.keys()].flatMap((id) => {
      const snapshot = compiler.snapshot(id);
      return snapshot ? [[id, snapshot] as const] : [];
    }),
  );
}

/** By proxy: the changed names, each with the last word of its type. */
function toldTo(changes: readonly ViewChange[]): Record<WorkloadId, readonly string[] | 'everything'> {
  const told: Record<WorkloadId, readonly string[] | 'everything'> = {};
  for (const { proxies, names } of changes) {
    for (const id of proxies) {
      const before = told[id] ?? [];
      const all = names === 'everything' || before === 'everything';
      told[id] = all ? 'everything' : [...before, ...words(names)].sort();
    }
  }
  return told;
}

function words(names: ReadonlyMap<TypeUrl, Iterable<string>>): string[] {
  return [...names].flatMap(([typeUrl, found]) => [...found].map((name) => `${typeUrl.split('.').at(-1)} ${name}`));
}

/** The resources of `after` that are other objects than before, by name. */
function fresh(before: Snapshot | undefined, after: Snapshot | undefined): string[] {
  return [...(after ?? [])].flatMap(([typeUrl, resources]) =>
    [...resources].filter(([name, resource]) => before?.get(typeUrl)?.get(name) !== resource).map(([name]) => name),
  );
}

function sameObjects(before: Snapshot | undefined, after: Snapshot | undefined): boolean {
  return fresh(before, after).length === 0 && fresh(after, before).length === 0;
}

test('MeshCompiler: a new replica concerns only its callers, and one resource is encoded', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  const { changed, told, fresh } = update(
    compiler,
    bakery().replica('payments-1', { ...orders1, contract: contractHash(descriptorSet('bakery.payments')) }),
  );
  t.deepEqual(changed, ['bakery/orders-0', 'bakery/payments-1']);
  t.deepEqual(told, {
    'bakery/orders-0': ['ClusterLoadAssignment outbound|bakery/payments'],
    'bakery/payments-1': 'everything',
  });
  t.deepEqual(fresh('bakery/orders-0'), ['outbound|bakery/payments']);
});

test('MeshCompiler: a replica that goes away changes only endpoints', (t) => {
  const compiler = new DirectoryCompiler(bakery().replica('orders-1', orders1));
  const { changed, told } = update(compiler, bakery().replica('orders-1', { ...orders1, ready: false }));
  t.deepEqual(changed, ['weft/edge-0']);
  t.deepEqual(told, { 'weft/edge-0': ['ClusterLoadAssignment outbound|bakery/orders'] });
});

test('MeshCompiler: a replica that changes leaves the objects of everything else', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  const { mesh } = compiler;
  const services = new Map(mesh.services);
  const identities = new Map(mesh.identities);
  const again = compiler.update(bakery());
  t.false(again.turn.changedAnything);
  t.deepEqual(again.changes, []);
  compiler.update(bakery().replica('orders-0', { ...orders1, inbound: '127.0.0.1:2003', ready: false }));
  t.is(mesh.services.get('bakery/payments'), services.get('bakery/payments'));
  t.is(mesh.services.get('bakery/orders')?.methods, services.get('bakery/orders')?.methods);
  for (const [name, accounts] of identities) t.is(mesh.identities.get(name), accounts);
});

test('MeshCompiler: all callers of a service share its resources', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  for (const typeUrl of [typeUrls.cluster, typeUrls.endpoints] satisfies TypeUrl[]) {
    const resource = (id: WorkloadId) => compiler.snapshot(id)?.get(typeUrl)?.get('outbound|bakery/catalog');
    t.truthy(resource('bakery/orders-0'));
    t.is(resource('bakery/orders-0'), resource('weft/edge-0'));
  }
});

test('MeshCompiler: a contract changes routes and never a listener or a cluster', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  const set = withPolicy(descriptorSet('bakery.payments'), 'Capture', {
    deadline: { seconds: 1n },
    callers: { names: ['bakery.orders', 'bakery.inventory'] },
  });
  const { changed, told, fresh } = update(
    compiler,
    bakery()
      .contract('bakery', 'bakery.payments', set)
      .replica('payments-0', {
        contract: contractHash(set),
        inbound: '127.0.0.1:2002',
        application: 'unix:/run/payments',
        outbound: '127.0.0.1:2102',
      }),
  );
  t.deepEqual(changed, ['bakery/inventory-0', 'bakery/orders-0', 'bakery/payments-0']);
  t.deepEqual(Object.keys(told).sort(), changed);
  t.deepEqual(told['bakery/orders-0'], ['RouteConfiguration outbound']);
  t.deepEqual(fresh('bakery/orders-0'), ['outbound']);
  t.deepEqual(told['bakery/payments-0'], ['RouteConfiguration inbound|bakery/payments|2002']);
  t.deepEqual(fresh('bakery/payments-0'), ['inbound|bakery/payments|2002']);
});

test('MeshCompiler: equal facts change nothing, and a workload that is gone has no snapshot', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  t.deepEqual(update(compiler, bakery()).told, {});
  t.true(update(compiler, bakery().remove('bakery/workloads/catalog-0.yaml')).changed.includes('bakery/catalog-0'));
  t.is(compiler.snapshot('bakery/catalog-0'), undefined);
});

test('MeshCompiler: a proxy is told only what it may call', (t) => {
  const compiler = new DirectoryCompiler(bakery());
  const clusters = (id: WorkloadId) => [...(compiler.snapshot(id)?.get(typeUrls.cluster)?.keys() ?? [])];
  t.deepEqual(clusters('bakery/catalog-0'), ['again', 'inbound|2000']);
  t.deepEqual(clusters('bakery/orders-0'), [
    'again',
    'inbound|2003',
    'outbound|bakery/catalog',
    'outbound|bakery/inventory',
    'outbound|bakery/payments',
  ]);
});

test('MeshCompiler: where zones are preferred, a replica that goes away concerns the others of its service or gateway', (t) => {
  const directory = (ready: { readonly edge: boolean; readonly orders: boolean }) => {
    const zoned = bakery({ zoneAware: true });
    const edge = (name: string, zone: string, isReady: boolean) =>
      zoned.put(`weft/workloads/${name}.yaml`, {
        kind: 'Workload',
        metadata: { namespace: 'weft', name },
        spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen: '127.0.0.1:8080' }, zone },
        status: { ready: isReady },
      });
    edge('edge-0', 'a', true);
    edge('edge-1', 'b', ready.edge);
    const orders = { contract: orders1.contract, application: 'unix:/a', outbound: '127.0.0.1:1' };
    zoned.replica('orders-0', { ...orders, inbound: '127.0.0.1:1', zone: 'a' });
    zoned.replica('orders-1', { ...orders1, zone: 'b', ready: ready.orders });
    const contract = contractHash(descriptorSet('bakery.payments'));
    zoned.replica('payments-0', { ...orders, contract, inbound: '127.0.0.1:2', zone: 'a' });
    return zoned.replica('payments-1', { ...orders, contract, inbound: '127.0.0.1:3', zone: 'b' });
  };
  const compiler = new DirectoryCompiler(directory({ edge: true, orders: true }));
  const edges = update(compiler, directory({ edge: false, orders: true }));
  t.deepEqual(edges.changed, ['weft/edge-0', 'weft/edge-1']);
  t.deepEqual(Object.keys(edges.told).sort(), edges.changed);
  const orders = update(compiler, directory({ edge: false, orders: false }));
  t.true(orders.changed.includes('bakery/orders-0'), 'it shares the calls of orders by other weights now');
  for (const id of orders.changed) t.true(id in orders.told, id);
});
