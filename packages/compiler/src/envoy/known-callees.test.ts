import test from 'ava';
import { compileFacts } from '../compile.ts';
import { contractHash } from '../contracts/contract-hash.ts';
import type { MeshCompiler } from '../mesh-compiler.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import type { WorkloadId } from '../model/mesh.ts';
import { MeshDirectory } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';
import { typeUrls } from './resource.ts';

const caller = 'bakery/orders-0';
const packages = ['bakery', 'den'].map((name) => ({ namespace: name, protoPackage: name }));

/** orders, which says `calls`, and catalog, which names it; both are pods. */
function bakery(calls: readonly string[] = []): MeshDirectory {
  const directory = new MeshDirectory({ packages });
  pod(directory, 'bakery', 'orders', '10.1.0.1', tinyContract('bakery.orders', { Call: {} }, { calls: [...calls] }));
  return pod(directory, 'bakery', 'catalog', '10.1.0.2', tinyContract('bakery.catalog', { Get: {} }, named));
}

const named = { callers: ['bakery.orders'] };

function pod(directory: MeshDirectory, namespace: string, name: string, address: string, set?: Uint8Array) {
  if (set) directory.contract(namespace, `${namespace}.${name}`, set);
  return directory
    .put(`${namespace}/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: {
        selector: { app: name },
        clusterIP: address.replace('10.1', '10.96'),
        ports: [{ port: 80, targetPort: 8080, appProtocol: set ? 'grpc' : 'http' }],
      },
    })
    .put(`${namespace}/${name}-0.yaml`, {
      kind: 'Workload',
      metadata: { namespace, name: `${name}-0`, labels: { app: name } },
      spec: { serviceAccount: name, ...(set ? { contract: contractHash(set) } : {}), pod: { addresses: [address] } },
      status: { ready: true },
    });
}

const compile = (directory: MeshDirectory) => compileFacts(parseDirectory(directory.files));

/** Everything that a proxy holds, as versions. */
function held(compiler: MeshCompiler, id: WorkloadId = caller): string[] {
  return [...(compiler.snapshot(id) ?? [])].flatMap(([typeUrl, resources]) =>
    [...resources].map(([name, { version }]) => `${typeUrl} ${name} ${version}`),
  );
}

const clusters = (compiler: MeshCompiler, id: WorkloadId = caller) =>
  [...(compiler.snapshot(id)?.get(typeUrls.cluster)?.keys() ?? [])].filter((name) => name.startsWith('outbound|'));

test('contracts of another namespace that name a caller change nothing that its proxy holds', (t) => {
  for (const calls of [[], ['bakery.catalog']]) {
    const before = compile(bakery(calls));
    const crowded = bakery(calls);
    for (let index = 0; index < 30; index++) {
      const methods = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`Method${at}`, {}]));
      pod(crowded, 'den', `thief${index}`, `10.1.1.${index}`, tinyContract(`den.thief${index}`, methods, named));
    }
    t.deepEqual(held(compile(crowded)), held(before));
  }
});

test('a neighbor that names a caller is an address in its listener, until it is called or declared', (t) => {
  const alone = bakery();
  for (const file of ['catalog', 'catalog-0']) alone.remove(`bakery/${file}.yaml`);
  const [without, compiler] = [compile(alone), compile(bakery())];
  t.deepEqual(clusters(compiler), []);
  const size = (of: MeshCompiler, typeUrl: 'listener' | 'route') =>
    of.snapshot(caller)?.get(typeUrls[typeUrl])?.get('outbound')?.body.length ?? 0;
  const more = size(compiler, 'listener') - size(without, 'listener');
  t.true(more > 0 && more < 700, `${more} bytes`);
  t.is(size(compiler, 'route'), size(without, 'route'));

  const key = compiler.callsKey(caller) ?? '';
  const { changes } = compiler.turn(() => compiler.setSeenCalls(key, ['bakery/catalog', 'bakery/nobody']), 0);
  t.deepEqual(clusters(compiler), ['outbound|bakery/catalog']);
  t.true(changes.every(({ proxies }) => [...proxies].join() === caller));
  t.deepEqual(
    held(compiler),
    held(compile(bakery(['bakery.catalog']))).map((line) => line),
  );
  compiler.turn(() => compiler.setSeenCalls(key, []), 0);
  t.deepEqual(held(compiler), held(compile(bakery())));
});

test('who may not be called is not told of, whatever a caller declares or was seen to call', (t) => {
  const files = bakery(['bakery.catalog', 'den.thief']);
  pod(files, 'den', 'thief', '10.1.1.1', tinyContract('den.thief', { Get: {} }, { callers: ['bakery.catalog'] }));
  const compiler = compile(files);
  compiler.turn(() => compiler.setSeenCalls(compiler.callsKey(caller) ?? '', ['den/thief']), 0);
  t.deepEqual(clusters(compiler), ['outbound|bakery/catalog']);
});

test('a MeshPolicy of the caller declares calls, to a Service without a contract by its name', (t) => {
  const files = pod(bakery(), 'den', 'legacy', '10.1.1.1').put('den/policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'den', name: 'legacy' },
    spec: { service: 'legacy', methods: [{ path: '/v1/*', callers: ['bakery.orders'] }] },
  });
  t.deepEqual(clusters(compile(files)), []);
  const spec = { service: 'orders', calls: ['den/legacy', 'bakery.catalog'] };
  files.put('bakery/policy.yaml', { kind: 'MeshPolicy', metadata: { namespace: 'bakery', name: 'orders' }, spec });
  const compiler = compile(files);
  t.deepEqual(compiler.mesh.problems, []);
  t.deepEqual(clusters(compiler), ['outbound|bakery/catalog', 'outbound|den/legacy']);
});
