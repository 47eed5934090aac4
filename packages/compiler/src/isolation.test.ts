import test, { type ExecutionContext } from 'ava';
import { contractHash } from './contracts/contract-hash.ts';
import { type Snapshot, typeUrls } from './envoy/resource.ts';
import { factSources } from './facts/fact-collections.ts';
import type { Facts } from './facts/facts.ts';
import { MeshCompiler } from './mesh-compiler.ts';
import { parseDirectory } from './mesh-directory/parse-directory.ts';
import type { WorkloadId } from './model/mesh.ts';
import type { Method } from './model/method.ts';
import { withFault } from './testing/fault.ts';
import { FaultyGraph } from './testing/faulty-graph.ts';
import { descriptorSet, MeshDirectory } from './testing/mesh-directory.ts';
import type { Laid } from './translation/policies.ts';

const names = ['catalog', 'inventory', 'orders', 'payments'] as const;

/** Orders call the other three, and the edge calls all of them but payments. */
function bakery(): Facts {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  for (const [index, name] of names.entries()) {
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
  }
  return parseDirectory(directory.files);
}

const facts = bakery();

/** Compiles from nothing, with every proxy connected, while some keys cannot be computed. */
function started(isBroken: FaultyGraph['isBroken'], altered?: FaultyGraph['altered']) {
  const graph = new FaultyGraph();
  if (altered) graph.altered = altered;
  const asked = new Set<string>();
  graph.isBroken = (collection, key) => {
    if (key.includes('inventory')) asked.add(collection);
    return isBroken(collection, key);
  };
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(facts);
    for (const { id } of facts.workloads) compiler.connect(id);
  }, 0);
  return { compiler, asked };
}

/** The resources of a proxy that are not about a service, as "type name". Shared ones are there if they are. */
function others(snapshot: Snapshot | undefined, of: string): string[] {
  return [...(snapshot ?? [])].flatMap(([type, resources]) =>
    [...resources.keys()].filter((name) => !name.includes(of)).map((name) => `${type} ${name}`),
  );
}

function routesOf(compiler: MeshCompiler, id: WorkloadId, name: string): string {
  return Buffer.from(compiler.snapshot(id)?.get(typeUrls.route)?.get(name)?.body ?? []).toString('latin1');
}

test('whatever of inventory cannot be computed from the start, nobody else misses anything', (t) => {
  t.timeout(60_000);
  const whole = started(() => false);
  t.true(whole.asked.size > 30, `${whole.asked.size}`);
  for (const at of whole.asked) {
    const { compiler } = started((collection, key) => collection === at && key.includes('inventory'));
    t.true(compiler.failures().length > 0, at);
    nothingIsMissing(t, whole.compiler, compiler, at);
  }
});

/** Everybody but inventory has what is not about inventory: the same resources, and the same services in its routes. */
function nothingIsMissing(t: ExecutionContext, whole: MeshCompiler, compiler: MeshCompiler, why: string): void {
  for (const id of ['bakery/catalog-0', 'bakery/orders-0', 'bakery/payments-0', 'weft/edge-0'] as const) {
    const held = new Set(others(compiler.snapshot(id), 'inventory'));
    const missing = others(whole.snapshot(id), 'inventory').filter((each) => !held.has(each));
    t.deepEqual(missing, [], `${why}: ${id}`);
  }
  for (const service of ['bakery.catalog.v1.CatalogService', 'bakery.payments.v1.PaymentService']) {
    t.true(routesOf(compiler, 'bakery/orders-0', 'outbound').includes(service), why);
  }
  t.true(routesOf(compiler, 'weft/edge-0', 'gateway|edge').includes('bakery.catalog.v1.CatalogService'), why);
}

// A method that cannot be made a route costs its own service's routes, whoever calls it and whatever of it is to blame.
for (const field of ['deadlineMs', 'hedge', 'retry', 'rateLimits', 'http', 'idleTimeoutMs', 'tryTimeoutMs'] as const) {
  test(`a method whose ${field} cannot be encoded takes nothing from anybody else`, (t) => {
    const whole = started(() => false).compiler;
    const { compiler } = started(
      () => false,
      (collection, key, value) =>
        collection === 'laid' && key === 'bakery/inventory' ? broken(value as Laid, field) : value,
    );
    const failures = compiler.failures();
    t.true(failures.length > 0 || field === 'rateLimits');
    for (const { resource } of failures) t.is(resource, 'Service bakery/inventory');
    nothingIsMissing(t, whole, compiler, field);
  });
}

/** Versions in which one method has a field that throws when it is read. */
function broken(laid: Laid, field: keyof Method): Laid {
  const versions = laid.versions.map((version) => {
    const [[path, method] = [], ...rest] = version.methods;
    return path && method ? { ...version, methods: new Map([[path, withFault(method, field)], ...rest]) } : version;
  });
  return { ...laid, versions };
}
