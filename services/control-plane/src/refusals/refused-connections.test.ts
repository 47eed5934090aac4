import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { assemble } from '@weft/compiler/translation/assemble';
import test from 'ava';
import { refusedConnection } from './refused-connections.ts';

function mesh() {
  const directory = new MeshDirectory();
  const workload = (name: string, address: string, contract?: string) =>
    directory.put(`bakery/${name}-0.yaml`, {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: `${name}-0`, labels: { app: name } },
      spec: { serviceAccount: name, ...(contract ? { contract } : {}), pod: { addresses: [address] } },
      status: { ready: true },
    });
  for (const [name, port] of [
    ['db', 5432],
    ['cache', 6379],
  ] as const) {
    workload(name, `10.1.0.${port % 100}`).put(`bakery/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name },
      spec: { selector: { app: name }, ports: [{ port }] },
    });
  }
  const set = descriptorSet('bakery.catalog');
  workload('catalog', '10.1.0.2', contractHash(set)).contract('bakery', 'bakery.catalog', set).service('catalog');
  directory.put('bakery/policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'db' },
    spec: { service: 'db', methods: [{ path: '/*', callers: ['bakery.orders'] }] },
  });
  return assemble(parseDirectory(directory.files));
}

test('a closed connection is told with its caller, and with the line that would permit it', (t) => {
  t.deepEqual(refusedConnection(mesh(), 'bakery/db-0', '10.1.0.2', 5432), {
    caller: 'bakery.catalog',
    path: 'bakery/db:5432',
    httpStatus: 403,
    message: 'weft: bakery.catalog may not connect to bakery/db:5432; its MeshPolicy names bakery.orders',
    advice: 'callers: [bakery.catalog] at path "/*" of a MeshPolicy for Service bakery/db',
  });
});

test('a port that takes its namespace tells outsiders what would admit them', (t) => {
  const directory = new MeshDirectory();
  const set = descriptorSet('bakery.catalog');
  directory
    .put('other/db.yaml', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'other', name: 'db' },
      spec: { selector: { app: 'db' }, ports: [{ port: 5432 }, { port: 9187 }] },
    })
    .put('other/db-0.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'other', name: 'db-0', labels: { app: 'db' } },
      spec: { serviceAccount: 'db', pod: { addresses: ['10.1.0.9'] } },
      status: { ready: true },
    })
    .contract('bakery', 'bakery.catalog', set)
    .service('catalog')
    .put('bakery/catalog-0.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: 'catalog-0', labels: { app: 'catalog' } },
      spec: { serviceAccount: 'catalog', contract: contractHash(set), pod: { addresses: ['10.1.0.2'] } },
      status: { ready: true },
    });
  const found = assemble(parseDirectory(directory.files));
  t.like(refusedConnection(found, 'other/db-0', '10.1.0.2', 5432), {
    message: 'weft: bakery.catalog may not connect to other/db:5432; it takes the workloads of namespace other',
    advice: 'callers: [bakery.catalog] at path "/*" of a MeshPolicy for Service other/db',
  });
  t.is(refusedConnection(found, 'other/db-0', '10.1.0.2', 9187).advice, undefined);
});

test('who is not in the mesh is named by address, and a port that is no service by the workload', (t) => {
  t.is(
    refusedConnection(mesh(), 'bakery/cache-0', '10.9.9.9', 6379).message,
    'weft: 10.9.9.9, which is not in the mesh, may not connect to bakery/cache:6379; it takes the workloads of namespace bakery',
  );
  t.like(refusedConnection(mesh(), 'bakery/db-0', '10.9.9.9', 22), {
    path: 'bakery/db-0:22',
    message:
      'weft: 10.9.9.9, which is not in the mesh, may not connect to bakery/db-0:22; the port is no service of the mesh',
  });
});
