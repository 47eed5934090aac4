import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { Mesh, WorkloadId } from '../model/mesh.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from '../translation/assemble.ts';
import { type Compiler, createCompiler } from './compiler.ts';
import { type Snapshot, type TypeUrl, typeUrls } from './resource.ts';

const names = ['catalog', 'inventory', 'payments', 'orders'];

function shop(): MeshDirectory {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  names.forEach((name, index) => {
    const set = descriptorSet(`shop.${name}`);
    directory
      .contract('shop', `shop.${name}`, set)
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
  contract: contractHash(descriptorSet('shop.orders')),
  inbound: '127.0.0.1:2200',
  application: 'unix:/run/orders-1',
  outbound: '127.0.0.1:2201',
};

function start(): { compiler: Compiler; mesh: Mesh } {
  const compiler = createCompiler();
  const mesh = assemble(parseDirectory(shop().files));
  compiler.update(mesh);
  return { compiler, mesh };
}

/** Takes a new mesh, and says whose snapshots are others than before; all of them must be among those who are told. */
function update(compiler: Compiler, before: Mesh, next: Mesh) {
  const ids = [...new Set([...before.workloads.keys(), ...next.workloads.keys()])];
  const old = new Map(ids.map((id) => [id, compiler.snapshot(id)]));
  const { affected, endpointsOnly } = compiler.update(next);
  const changed = ids.filter((id) => compiler.snapshot(id) !== old.get(id)).sort();
  return { changed, untold: changed.filter((id) => !affected.has(id)), endpointsOnly };
}

/** The resources of `after` that are other objects than before, by name. */
function fresh(before: Snapshot | undefined, after: Snapshot | undefined): string[] {
  return [...(after ?? [])].flatMap(([typeUrl, resources]) =>
    [...resources].filter(([name, resource]) => before?.get(typeUrl)?.get(name) !== resource).map(([name]) => name),
  );
}

test('compiler: a replica more concerns its callers only, and encodes one resource', (t) => {
  const { compiler, mesh } = start();
  const before = new Map([...mesh.workloads.keys()].map((id) => [id, compiler.snapshot(id)]));
  const next = assemble(
    parseDirectory(
      shop().replica('payments-1', { ...orders1, contract: contractHash(descriptorSet('shop.payments')) }).files,
    ),
    mesh,
  );
  const { changed, untold, endpointsOnly } = update(compiler, mesh, next);
  t.true(endpointsOnly, 'what the replica gets for itself must not hold up its callers');
  t.deepEqual(changed, ['shop/orders-0', 'shop/payments-1']);
  t.deepEqual(untold, []);
  t.deepEqual(fresh(before.get('shop/orders-0'), compiler.snapshot('shop/orders-0')), ['outbound|shop/payments']);
});

test('compiler: a replica that goes away is a change of endpoints only', (t) => {
  const { compiler, mesh } = start();
  const two = assemble(parseDirectory(shop().replica('orders-1', orders1).files), mesh);
  compiler.update(two);
  const stopping = assemble(parseDirectory(shop().replica('orders-1', { ...orders1, ready: false }).files), two);
  t.deepEqual(update(compiler, two, stopping), { changed: ['weft/edge-0'], untold: [], endpointsOnly: true });
});

test('compiler: all callers of a service share its resources', (t) => {
  const { compiler } = start();
  for (const typeUrl of [typeUrls.cluster, typeUrls.endpoints] satisfies TypeUrl[]) {
    const resource = (id: WorkloadId) => compiler.snapshot(id)?.get(typeUrl)?.get('outbound|shop/catalog');
    t.truthy(resource('shop/orders-0'));
    t.is(resource('shop/orders-0'), resource('weft/edge-0'));
  }
});

test('compiler: a contract changes routes and never a listener or a cluster', (t) => {
  const { compiler, mesh } = start();
  const before = new Map([...mesh.workloads.keys()].map((id) => [id, compiler.snapshot(id)]));
  const set = withPolicy(descriptorSet('shop.payments'), 'Capture', {
    deadline: { seconds: 1n },
    callers: { names: ['shop.orders', 'shop.inventory'] },
  });
  const { changed, untold, endpointsOnly } = update(
    compiler,
    mesh,
    assemble(
      parseDirectory(
        shop()
          .contract('shop', 'shop.payments', set)
          .replica('payments-0', {
            contract: contractHash(set),
            inbound: '127.0.0.1:2002',
            application: 'unix:/run/payments',
            outbound: '127.0.0.1:2102',
          }).files,
      ),
      mesh,
    ),
  );
  t.deepEqual(changed, ['shop/inventory-0', 'shop/orders-0', 'shop/payments-0']);
  t.deepEqual(untold, []);
  t.false(endpointsOnly);
  t.deepEqual(fresh(before.get('shop/orders-0'), compiler.snapshot('shop/orders-0')), ['outbound']);
  t.deepEqual(fresh(before.get('shop/payments-0'), compiler.snapshot('shop/payments-0')), [
    'inbound|shop/payments|2002',
  ]);
});

test('compiler: an equal mesh changes nothing; a workload that is gone has no snapshot', (t) => {
  const { compiler, mesh } = start();
  const equal = assemble(parseDirectory(shop().files));
  t.deepEqual(update(compiler, mesh, equal).changed, []);
  const less = assemble(parseDirectory(shop().remove('shop/workloads/catalog-0.yaml').files), equal);
  t.true(update(compiler, equal, less).changed.includes('shop/catalog-0'));
  t.is(compiler.snapshot('shop/catalog-0'), undefined);
});

test('compiler: a proxy whose configuration cannot be compiled keeps what it had, and stops no other', (t) => {
  const failures: string[] = [];
  const compiler = createCompiler({ onFailure: (id, error) => failures.push(`${id}: ${error}`) });
  const mesh = assemble(parseDirectory(shop().files));
  compiler.update(mesh);
  const before = compiler.snapshot('shop/orders-0');
  const orders = { ...mesh.workloads.get('shop/orders-0') };
  const { outbound } = orders;
  let hurts = true;
  const hurt = () => {
    if (hurts) throw new Error('a bug');
    return outbound;
  };
  Object.defineProperty(orders, 'outbound', { get: hurt, enumerable: false });
  const settings = { ...mesh.settings, tracing: { host: '127.0.0.1', port: 4317, samplingPercent: 1 } };
  const workloads = new Map(
    [...mesh.workloads].map(([id, each]) => [id, id === 'shop/orders-0' ? Object(orders) : each]),
  );
  const next = { ...mesh, settings, workloads };
  compiler.update(next);
  t.is(compiler.snapshot('shop/orders-0'), before);
  t.is(compiler.snapshot('shop/orders-0'), before);
  t.deepEqual(failures, ['shop/orders-0: Error: a bug']);
  t.true(compiler.snapshot('shop/catalog-0')?.get(typeUrls.cluster)?.has('tracing'));
  hurts = false;
  t.deepEqual([...compiler.update({ ...next }).affected], ['shop/orders-0']);
  t.true(compiler.snapshot('shop/orders-0')?.get(typeUrls.cluster)?.has('tracing'));
});

test('compiler: a proxy is told only what it may call', (t) => {
  const { compiler } = start();
  const clusters = (id: WorkloadId) => [...(compiler.snapshot(id)?.get(typeUrls.cluster)?.keys() ?? [])];
  t.deepEqual(clusters('shop/catalog-0'), ['inbound|2000']);
  t.deepEqual(clusters('shop/orders-0'), [
    'inbound|2003',
    'outbound|shop/catalog',
    'outbound|shop/inventory',
    'outbound|shop/payments',
  ]);
});

test('compiler: where zones are preferred, a replica that goes concerns the others of its service or gateway', (t) => {
  const mesh = (ready: { readonly edge: boolean; readonly orders: boolean }, before?: Mesh) => {
    const directory = new MeshDirectory({ zoneAware: true });
    for (const [path, bytes] of shop().files) if (path !== 'mesh.yaml') directory.files.set(path, bytes);
    const edge = (name: string, zone: string, isReady: boolean) =>
      directory.put(`weft/workloads/${name}.yaml`, {
        kind: 'Workload',
        metadata: { namespace: 'weft', name },
        spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen: '127.0.0.1:8080' }, zone },
        status: { ready: isReady },
      });
    edge('edge-0', 'a', true);
    edge('edge-1', 'b', ready.edge);
    const orders = { contract: orders1.contract, application: 'unix:/a', outbound: '127.0.0.1:1' };
    directory.replica('orders-0', { ...orders, inbound: '127.0.0.1:1', zone: 'a' });
    directory.replica('orders-1', { ...orders1, zone: 'b', ready: ready.orders });
    const contract = contractHash(descriptorSet('shop.payments'));
    directory.replica('payments-0', { ...orders, contract, inbound: '127.0.0.1:2', zone: 'a' });
    directory.replica('payments-1', { ...orders, contract, inbound: '127.0.0.1:3', zone: 'b' });
    return assemble(parseDirectory(directory.files), before);
  };
  const compiler = createCompiler();
  const all = mesh({ edge: true, orders: true });
  compiler.update(all);
  const withoutEdge = mesh({ edge: false, orders: true }, all);
  const edges = update(compiler, all, withoutEdge);
  t.deepEqual([edges.changed, edges.untold], [['weft/edge-0', 'weft/edge-1'], []]);
  const orders = update(compiler, withoutEdge, mesh({ edge: false, orders: false }, withoutEdge));
  t.true(orders.changed.includes('shop/orders-0'), 'it shares the calls of orders by other weights now');
  t.deepEqual(orders.untold, []);
});
