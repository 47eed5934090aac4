import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { MeshDirectory } from '../testing/mesh-directory.ts';
import { tinyContract } from '../testing/tiny-contract.ts';

type Verb = 'get' | 'put' | 'post' | 'delete' | 'patch';
type Paths = Readonly<Record<string, readonly [verb: Verb, path: string]>>;

/** One service in each namespace, of the namespace's own package, that exposes these REST paths by method. */
function mesh(tenants: Readonly<Record<string, Paths>>, exposure?: object): MeshDirectory {
  const packages = Object.keys(tenants).map((namespace) => ({ namespace, protoPackage: namespace }));
  const directory = new MeshDirectory({ packages, ...(exposure ? { exposure } : {}) }).edge('127.0.0.1:8080');
  for (const [namespace, paths] of Object.entries(tenants)) {
    const methods = Object.entries(paths).map(([name, [verb, path]]) => [name, { http: { verb, path } }] as const);
    const set = tinyContract(`${namespace}.things`, Object.fromEntries(methods), { exposure: Exposure.EDGE });
    directory
      .contract(namespace, 'things', set)
      .service('things', namespace)
      .replica('things-0', { namespace, contract: contractHash(set), inbound: '127.0.0.1:1', application: 'unix:/a' });
  }
  return directory;
}

/** "aaa GET /v1/x": the paths that the edge serves, in order. */
function served({ compiler }: DirectoryCompiler): readonly string[] {
  const { exposed, verdicts } = compiler.translation.exposure;
  return exposed
    .keys()
    .flatMap((key) => [...(verdicts.get(key)?.rest.keys() ?? [])].map((path) => `${key.split('\n')[1]} ${path}`))
    .map((text) => text.replace(/\/things \S+ /, ' '))
    .sort();
}

/** All problems but those of namespaces that call their Services alike. */
const problemsOf = ({ mesh: { problems } }: DirectoryCompiler) =>
  problems.filter(({ message }) => !message.includes('may not speak for'));
const words = (compiler: DirectoryCompiler) => problemsOf(compiler).map(({ message }) => message);

const bakery: Paths = { Get: ['get', '/v1/products/{name}'], List: ['get', '/v1/products'] };

test('a newcomer does not get a path that overlaps, whatever it sorts to; both are named', (t) => {
  for (const newcomer of ['aaa', 'zzz']) {
    const compiler = new DirectoryCompiler(mesh({ bakery }));
    const both = mesh({ bakery, [newcomer]: { All: ['get', '/v1/{name=**}'], Put: ['put', '/v1/products/{name}'] } });
    compiler.update(both);
    const expected = ['bakery GET /v1/products', 'bakery GET /v1/products/*', `${newcomer} PUT /v1/products/*`].sort();
    t.deepEqual(served(compiler), expected);
    t.deepEqual(words(compiler), [
      `GET /v1/{name=**} (${newcomer}/things/v1/test.proto) overlaps GET /v1/products of bakery.things.v1.TestService/List (Service bakery/things, bakery/things/v1/test.proto), which was there first; edge does not serve it`,
    ]);
    // It stays so, and a newcomer gets what is given up, but not before its time.
    compiler.update(both);
    t.deepEqual(served(compiler), expected);
    compiler.update(mesh({ bakery: {}, [newcomer]: { All: ['get', '/v1/{name=**}'] } }), 1);
    t.deepEqual(served(compiler), [`${newcomer} GET /v1/**`]);
  }
});

test('who comes back within an hour is no newcomer', (t) => {
  const compiler = new DirectoryCompiler(mesh({ bakery }));
  const aaa: Paths = { All: ['get', '/v1/{name=**}'] };
  const minute = 60_000;
  compiler.update(mesh({ aaa }), minute);
  compiler.update(mesh({ aaa, bakery }), 30 * minute);
  t.deepEqual(served(compiler), ['bakery GET /v1/products', 'bakery GET /v1/products/*']);
  compiler.update(mesh({ aaa }), 31 * minute);
  compiler.update(mesh({ aaa, bakery }), 120 * minute);
  t.deepEqual(served(compiler), ['aaa GET /v1/**']);
});

test('of two that come at once neither has the path, and everything else has its own', (t) => {
  const compiler = new DirectoryCompiler(
    mesh({ bakery, aaa: { All: ['get', '/v1/products/{name}'], Own: ['get', '/aaa'] } }),
  );
  t.deepEqual(served(compiler), ['aaa GET /aaa', 'bakery GET /v1/products']);
  t.is(words(compiler).filter((text) => text.endsWith('both came at once, and edge serves neither')).length, 2);
});

test('what was remembered by another process counts', (t) => {
  const before = new DirectoryCompiler(mesh({ bakery }));
  const both = mesh({ bakery, aaa: { All: ['get', '/v1/products/{name}'] } });
  before.update(both, 10);
  const after = new DirectoryCompiler();
  after.compiler.claims.adopt(JSON.parse(JSON.stringify(before.compiler.claims.stored(20))), 20);
  after.update(both, 20);
  t.deepEqual(served(after), served(before));
});

test('rows decide first: the longest prefix says whose a path is', (t) => {
  const aaa: Paths = { Other: ['get', '/v1/products/{name}'], Own: ['get', '/v1/aaa/{name}'] };
  const wide: Paths = { ...bakery, Wide: ['get', '/v1/{name}/list'], Inside: ['get', '/v1/aaa/list'] };
  const rows = [
    { namespace: 'bakery', paths: ['/v1'] },
    { namespace: 'aaa', paths: ['/v1/aaa'] },
  ];
  // aaa was there first.
  const compiler = new DirectoryCompiler(mesh({ aaa }, rows));
  compiler.update(mesh({ aaa, bakery: wide }, rows));
  t.deepEqual(served(compiler), [
    'aaa GET /v1/aaa/*',
    'bakery GET /v1/*/list',
    'bakery GET /v1/products',
    'bakery GET /v1/products/*',
  ]);
  t.deepEqual(words(compiler).sort(), [
    'GET /v1/aaa/list (bakery/things/v1/test.proto) is not served at edge: it belongs to namespace aaa by mesh.yaml spec.exposure[1]',
    'GET /v1/products/{name} (aaa/things/v1/test.proto) is not served at edge: it belongs to namespace bakery by mesh.yaml spec.exposure[0]',
  ]);
});

test('with rows, a contract alone exposes nothing', (t) => {
  const compiler = new DirectoryCompiler(mesh({ bakery, aaa: { Own: ['get', '/aaa'] } }, [{ namespace: 'bakery' }]));
  t.deepEqual(served(compiler), ['bakery GET /v1/products', 'bakery GET /v1/products/*']);
  t.false(compiler.mesh.services.get('aaa/things')?.methods.get('/aaa.things.v1.TestService/Own')?.callers.has('edge'));
  t.deepEqual(
    problemsOf(compiler).map(({ message, advice }) => `${message}; ${advice}`),
    [
      'its contract exposes methods at edge, and namespace aaa may not be exposed there; none is served; {namespace: aaa, gateway: edge, paths: [...]} in spec.exposure of mesh.yaml',
    ],
  );
  const grpcOnly = new DirectoryCompiler(mesh({ bakery }, [{ namespace: 'bakery', paths: [] }]));
  t.deepEqual(served(grpcOnly), []);
  t.regex(words(grpcOnly)[0] ?? '', /no row of spec.exposure in mesh.yaml gives it to namespace bakery$/);
});

test('the same path under two host names is two paths', (t) => {
  const rows = [
    { namespace: 'bakery', hosts: ['bakery.test'] },
    { namespace: 'aaa', hosts: ['aaa.test', '*.aaa.test'] },
  ];
  const compiler = new DirectoryCompiler(mesh({ bakery, aaa: bakery }, rows));
  t.is(served(compiler).length, 4);
  t.deepEqual(words(compiler), []);
});

test('within a namespace the most specific path answers, and only the same path is refused', (t) => {
  const compiler = new DirectoryCompiler(mesh({ bakery: { ...bakery, All: ['get', '/v1/{name=**}'] } }));
  t.is(served(compiler).length, 3);
  const other = tinyContract(
    'bakery.others',
    { Get: { http: { verb: 'get', path: '/v1/products/{key}' } } },
    { exposure: Exposure.EDGE },
  );
  const directory = mesh({ bakery })
    .contract('bakery', 'others', other)
    .service('others')
    .replica('others-0', { contract: contractHash(other), inbound: '127.0.0.1:2', application: 'unix:/b' });
  compiler.update(directory);
  t.deepEqual(words(compiler), [
    'GET /v1/products/{key} (bakery/others/v1/test.proto) overlaps GET /v1/products/{name} of bakery.things.v1.TestService/Get (Service bakery/things, bakery/things/v1/test.proto), which edge serves there',
  ]);
});

test('two Services of the same replicas have one contract, and are no rivals', (t) => {
  const directory = mesh({ bakery }).put('twin.yaml', {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'bakery', name: 'twin' },
    spec: { selector: { app: 'things' }, ports: [{ port: 80, appProtocol: 'grpc' }], clusterIP: 'None' },
  });
  t.deepEqual(words(new DirectoryCompiler(directory)), []);
});

test('a gRPC method that two namespaces may speak for belongs to who had it first', (t) => {
  const packages = ['bakery', 'branch'].map((namespace) => ({ namespace, protoPackage: 'bakery' }));
  const set = tinyContract('bakery.things', { Get: {} }, { exposure: Exposure.EDGE });
  const inNamespaces = (...namespaces: readonly string[]) => {
    const directory = new MeshDirectory({ packages }).edge('127.0.0.1:8080');
    for (const namespace of namespaces) {
      directory
        .contract(namespace, 'things', set)
        .service('things', namespace)
        .replica('things-0', {
          namespace,
          contract: contractHash(set),
          inbound: '127.0.0.1:1',
          application: 'unix:/a',
        });
    }
    return directory;
  };
  const compiler = new DirectoryCompiler(inNamespaces('bakery'));
  compiler.update(inNamespaces('bakery', 'branch'));
  t.deepEqual(words(compiler), [
    '/bakery.things.v1.TestService/Get (bakery/things/v1/test.proto) overlaps /bakery.things.v1.TestService/Get of bakery.things.v1.TestService/Get (Service bakery/things, bakery/things/v1/test.proto), which was there first; edge does not serve it',
  ]);
  t.deepEqual(
    [...(compiler.compiler.translation.exposure.verdicts.get('edge\nbranch/things')?.closed ?? [])],
    ['/bakery.things.v1.TestService/Get'],
  );
});

test('no contract makes a gateway hold its descriptor set again and again', (t) => {
  const aaa: Paths = { A: ['get', '/aaa/{name}/x'], B: ['get', '/aaa/y/{name}'] };
  const bbb: Paths = { C: ['get', '/aaa/y/x'], D: ['get', '/aaa/{name=**}'] };
  const own = (quotas: object) => {
    const packages = [{ namespace: 'aaa', protoPackage: 'aaa' }];
    const directory = new MeshDirectory({ packages, quotas }).edge('127.0.0.1:8080');
    for (const [name, paths] of Object.entries({ a: aaa, b: bbb })) {
      const methods = Object.entries(paths).map(([rpc, [verb, path]]) => [rpc, { http: { verb, path } }] as const);
      const set = tinyContract(`aaa.${name}`, Object.fromEntries(methods), { exposure: Exposure.EDGE });
      directory.contract('aaa', name, set).service(name, 'aaa');
    }
    return new DirectoryCompiler(directory);
  };
  t.deepEqual(words(own({})), []);
  const [size = 0] = [...own({}).compiler.translation.exposure.exposed.values()].flatMap(({ exposed }) =>
    exposed.flatMap(({ rest }) => rest?.bytes ?? []),
  );
  // b's catch-all would stand in a third route, after those of a.
  const compiler = own({ gatewayBytes: 2 * size + 100 });
  t.deepEqual(served(compiler).length, 3);
  t.regex(words(compiler).join('\n'), /^GET \S+ \(.*\) is not served at edge .* spec.quotas.gatewayBytes is \d+$/);
});
