import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { assemble } from '@weft/compiler/translation/assemble';
import test from 'ava';
import { PlainTextCalls } from './plain-text-calls.ts';

const set = descriptorSet('bakery.catalog');

const directory = new MeshDirectory().contract('bakery', 'bakery.catalog', set);
for (const [name, address, port, contract] of [
  ['db', '10.1.0.1', 5432],
  ['cache', '10.1.0.3', 6379],
  ['catalog', '10.1.0.2', 80, contractHash(set)],
  ['orders', '10.1.0.4', 80],
] as const) {
  directory
    .put(`bakery/${name}-0.yaml`, {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: `${name}-0`, labels: { app: name } },
      spec: { serviceAccount: name, ...(contract ? { contract } : {}), pod: { addresses: [address] } },
      status: { ready: true },
    })
    .put(`bakery/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name },
      spec: { selector: { app: name }, ports: [{ port, ...(port === 80 ? { appProtocol: 'grpc' } : {}) }] },
    });
}
directory.put('bakery/policy.yaml', {
  kind: 'MeshPolicy',
  metadata: { namespace: 'bakery', name: 'db' },
  spec: { service: 'db', methods: [{ path: '/*', callers: ['bakery.orders'] }] },
});
const mesh = assemble(parseDirectory(directory.files));

const told = { callee: 'bakery/db-0', port: 5432, address: '10.1.0.2', again: false } as const;

test('calls are counted by caller and port, the latest first', (t) => {
  const calls = new PlainTextCalls();
  t.true(calls.add(mesh, told, 1000).first);
  calls.add(mesh, { ...told, address: '10.9.9.9' }, 2000);
  t.false(calls.add(mesh, told, 3000).first);
  t.deepEqual(calls.list(), [
    {
      namespace: 'bakery',
      target: 'bakery/db:5432',
      caller: 'bakery.catalog',
      inMesh: true,
      count: 2,
      lastAtMs: 3000,
      advice: 'permit it, as by callers: [bakery.catalog] at path "/*" of a MeshPolicy for Service bakery/db',
    },
    {
      namespace: 'bakery',
      target: 'bakery/db:5432',
      caller: '10.9.9.9',
      inMesh: false,
      count: 1,
      lastAtMs: 2000,
      advice: 'give it a sidecar, or let it call through the edge',
    },
  ]);
});

test('a call that lasts is seen again and again, and counted once', (t) => {
  const calls = new PlainTextCalls();
  calls.add(mesh, { ...told, again: true }, 1000);
  calls.add(mesh, { ...told, again: true }, 2000);
  t.like(calls.list()[0], { count: 1, lastAtMs: 2000 });
});

test('what to do depends on who may call', (t) => {
  const calls = new PlainTextCalls();
  const advice = (callee: 'cache' | 'catalog' | 'db', address: string) =>
    calls.add(mesh, {
      ...told,
      callee: `bakery/${callee}-0`,
      port: mesh.workloads.get(`bakery/${callee}-0`)?.inbound[0]?.listen.port ?? 0,
      address,
    }).call.advice;
  // The cache takes its own namespace.
  t.regex(advice('cache', '10.1.0.2'), /^let it call the Service by its name/);
  t.regex(advice('catalog', '10.1.0.1'), /^give it a Service of its own/);
  t.regex(calls.add(mesh, { ...told, port: 22 }).call.advice, /^name the port in a Service/);
  t.is(calls.add(mesh, { ...told, port: 22 }).call.target, 'bakery/db-0:22');
});

test('addresses are anybody’s to choose: the oldest are forgotten', (t) => {
  const calls = new PlainTextCalls(2);
  for (const host of [1, 2, 3]) calls.add(mesh, { ...told, address: `10.9.9.${host}` });
  t.deepEqual(
    calls.list().map(({ caller }) => caller),
    ['10.9.9.3', '10.9.9.2'],
  );
});
