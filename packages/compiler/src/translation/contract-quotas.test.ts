import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { typeUrls } from '../envoy/resource.ts';
import { defaultQuotas } from '../model/quotas.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { type OddCase, oddContract } from '../testing/odd-contracts.ts';

/** A contract of so many methods, all for the edge. */
function large(n: number, methods: number): Uint8Array {
  const edit: ReturnType<OddCase['make']>['edit'] = (file) => {
    const [method] = file.service[0].method;
    file.service[0].method = Array.from({ length: methods }, (_, index) => ({
      ...method,
      name: `Do${index}`,
      options: undefined,
    }));
  };
  return oddContract({ n, edit });
}

const catalog = descriptorSet('bakery.catalog');

/** Namespace bakery with its catalog; namespace big with these contracts, bakery.oddN each. */
function mesh(contracts: readonly (readonly [n: number, methods: number, running?: true])[], quotas: object = {}) {
  const packages = ['bakery', 'big'].map((namespace) => ({ namespace, protoPackage: 'bakery' }));
  const files = new MeshDirectory({ packages, quotas })
    .edge('127.0.0.1:1')
    .contract('bakery', 'bakery.catalog', catalog)
    .service('catalog')
    .replica('catalog-0', {
      contract: contractHash(catalog),
      inbound: '127.0.0.1:2',
      application: 'unix:/run/catalog',
    });
  for (const [n, methods, running] of contracts) {
    const set = large(n, methods);
    files.contract('big', `odd${n}`, set).service(`odd${n}`, 'big');
    if (!running) continue;
    const where = { inbound: `127.0.0.1:${10 + n}`, application: 'unix:/run/odd', namespace: 'big' };
    files.replica(`odd${n}-0`, { contract: contractHash(set), ...where });
  }
  return new DirectoryCompiler({ files: files.files });
}

const words = (compiler: DirectoryCompiler) =>
  compiler.mesh.problems.map(({ resource, message }) => `${resource}: ${message}`);
const edgeRoutes = (compiler: DirectoryCompiler) =>
  compiler.snapshot('weft/edge-0')?.get(typeUrls.route)?.get('gateway|edge');

test('a contract of too many methods has no effect, and nothing else changes', (t) => {
  const without = mesh([]);
  const compiler = mesh([[1, defaultQuotas.contractMethods + 1]]);
  t.deepEqual(words(compiler), [
    'contracts/big/odd1.binpb: the contract has 2001 methods and further REST paths; spec.quotas.contractMethods is 2000; the contract has no effect',
  ]);
  t.is(edgeRoutes(compiler)?.version, edgeRoutes(without)?.version);
  t.deepEqual(words(mesh([[1, defaultQuotas.contractMethods]])), []);
});

test('a contract of too many bytes is not even read', (t) => {
  const bytes = catalog.length;
  const [problem] = words(mesh([[1, 1500]], { contractBytes: bytes }));
  t.regex(problem ?? '', /^contracts\/big\/odd1.binpb: the contract has \d+ bytes; spec.quotas.contractBytes is \d+;/);
});

test('a namespace over its quota loses what nobody runs, and no other namespace notices', (t) => {
  const quotas = { namespaceMethods: 100 };
  const compiler = mesh(
    [
      [1, 60],
      [2, 60, true],
      [3, 30, true],
    ],
    quotas,
  );
  const services = compiler.mesh.services;
  t.deepEqual(
    [1, 2, 3].map((n) => services.get(`big/odd${n}`)?.methods.size),
    [0, 60, 30],
  );
  t.is(words(compiler).length, 1);
  t.regex(
    words(compiler)[0] ?? '',
    /^contracts\/big\/odd1.binpb: with it namespace big would have 150 methods and further REST paths in its contracts; spec.quotas.namespaceMethods is 100/,
  );
  t.true((services.get('bakery/catalog')?.methods.size ?? 0) > 0);
  t.deepEqual(
    words(
      mesh(
        [
          [1, 60],
          [3, 30, true],
        ],
        quotas,
      ),
    ),
    [],
  );
});

test('a quota that goes up lets its contracts in, and one that goes down takes them', (t) => {
  const sizes = (limit: number) =>
    mesh([[1, 60, true]], { contractMethods: limit }).mesh.services.get('big/odd1')?.methods.size;
  t.deepEqual([59, 60].map(sizes), [0, 60]);
});

for (const quotas of [{ contractMethods: 0 }, { contractBytes: 2 ** 40 }, { methods: 1 }, { namespaceBytes: 1.5 }]) {
  test(`a quota out of its bounds is refused: ${JSON.stringify(quotas)}`, (t) => {
    t.regex(words(mesh([], quotas)).join(), /mesh.yaml/);
  });
}
