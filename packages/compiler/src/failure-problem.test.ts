import { Graph } from '@weft/collections';
import test, { type ExecutionContext } from 'ava';
import { compileFacts } from './compile.ts';
import { contractHash } from './contracts/contract-hash.ts';
import { typeUrls } from './envoy/resource.ts';
import { type FactSources, factSources } from './facts/fact-collections.ts';
import type { Facts } from './facts/facts.ts';
import { goldenFiles } from './goldens.fixture.ts';
import { MeshCompiler } from './mesh-compiler.ts';
import { parseDirectory } from './mesh-directory/parse-directory.ts';
import type { WorkloadId } from './model/mesh.ts';
import { withFault } from './testing/fault.ts';
import { FaultyGraph } from './testing/faulty-graph.ts';
import { descriptorSet, MeshDirectory } from './testing/mesh-directory.ts';

const hashOf = (name: string) => contractHash(descriptorSet(`bakery.${name}`));

/** Orders call payments, and the edge calls orders. */
function bakery(): Facts {
  const directory = new MeshDirectory().edge('127.0.0.1:8080');
  for (const [index, name] of ['catalog', 'orders', 'payments'].entries()) {
    directory
      .contract('bakery', `bakery.${name}`, descriptorSet(`bakery.${name}`))
      .service(name)
      .replica(`${name}-0`, {
        contract: hashOf(name),
        inbound: `127.0.0.1:${2000 + index}`,
        application: `unix:/run/${name}`,
        outbound: `127.0.0.1:${2100 + index}`,
      });
  }
  directory.put('bakery/policy.yaml', {
    kind: 'MeshPolicy',
    metadata: { namespace: 'bakery', name: 'support' },
    spec: { service: 'payments', addCallers: ['bakery.catalog'] },
  });
  return parseDirectory(directory.files);
}

function started() {
  const graph = new Graph();
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(bakery());
    for (const { id } of bakery().workloads) compiler.connect(id);
  }, 0);
  return { compiler, facts: sources.facts };
}

/** A fact that hurts, and the resource that people know it by. */
interface Fault {
  readonly resource: string;
  readonly hurt: (facts: FactSources) => void;
  /** A proxy whose resources wait for the fault to end. Absent: what hurts is no resource. */
  readonly stale?: WorkloadId;
}

function fault<C extends keyof FactSources>(
  resource: string,
  of: C,
  key: string,
  field: string,
  stale?: WorkloadId,
): Fault {
  return {
    resource,
    hurt: (facts) => {
      const source: { get(key: string): object | undefined; set(key: string, value: unknown): void } = facts[
        of
      ] as never;
      const fact = source.get(key);
      if (fact === undefined) throw new Error(`there is no ${key}`);
      source.set(key, withFault(fact, field as never));
    },
    ...(stale === undefined ? {} : { stale }),
  };
}

const faults: readonly Fault[] = [
  fault('Service bakery/payments', 'services', 'bakery/payments', 'selector'),
  fault('Service bakery/payments', 'services', 'bakery/payments', 'ports'),
  fault('Workload bakery/orders-0', 'workloads', 'bakery/orders-0', 'labels'),
  fault('Workload bakery/orders-0', 'workloads', 'bakery/orders-0', 'outbound', 'bakery/orders-0'),
  fault('contracts/bakery/bakery.payments.binpb', 'contracts', `bakery/${hashOf('payments')}`, 'hash'),
  fault('MeshPolicy bakery/support', 'resources', 'weft.dev/MeshPolicy bakery/support', 'spec'),
  fault('Gateway edge', 'gateways', 'edge', 'maxHeaders', 'weft/edge-0'),
  fault('mesh.yaml', 'settings', 'mesh', 'zoneAware'),
];

for (const [at, { resource, hurt, stale }] of faults.entries()) {
  test(`failures: ${resource} is named, stops nobody else and recovers (${at})`, (t) => {
    const { compiler, facts } = started();
    const good = bakery();
    const before = snapshots(compiler);
    const settings = { ...good.settings, tracing: { host: '127.0.0.1', port: 4317, samplingPercent: 1 } };
    // What hurts hurts in the turn in which everybody gets something else.
    compiler.turn(() => {
      facts.settings.set('mesh', settings);
      hurt(facts);
    }, 0);
    const failures = compiler.failures();
    t.true(failures.length > 0);
    checkWords(t, failures);
    t.true(
      failures.some((problem) => problem.resource === resource),
      JSON.stringify(failures),
    );
    for (const [id, old] of before) {
      const now = compiler.snapshot(id);
      if (id === stale) t.is(now?.get(typeUrls.listener)?.size, old?.get(typeUrls.listener)?.size);
      else t.true(now?.get(typeUrls.cluster)?.has('tracing'), id);
    }
    compiler.turn(() => {
      for (const fact of good.services) facts.services.set(`${fact.namespace}/${fact.name}`, fact);
      for (const fact of good.workloads) facts.workloads.set(fact.id, fact);
      for (const fact of good.contracts) facts.contracts.set(`${fact.namespace}/${fact.hash}`, fact);
      for (const fact of good.gateways) facts.gateways.set(fact.name, fact);
      for (const fact of good.resources) facts.resources.set('weft.dev/MeshPolicy bakery/support', fact);
      facts.settings.set('mesh', settings);
    }, 0);
    t.deepEqual(compiler.failures(), []);
    const fresh = compileFacts({ ...good, settings });
    t.deepEqual(versions(snapshots(compiler)), versions(snapshots(fresh)));
  });
}

function snapshots(compiler: MeshCompiler) {
  return new Map([...compiler.mesh.workloads.keys()].map((id) => [id, compiler.snapshot(id)] as const));
}

function versions(found: ReturnType<typeof snapshots>) {
  return [...found].map(([id, snapshot]) => [
    id,
    [...(snapshot ?? [])].flatMap(([, resources]) =>
      [...resources.values()].map(({ name, version }) => name + version),
    ),
  ]);
}

function checkNames(t: ExecutionContext, failures: ReturnType<MeshCompiler['failures']>) {
  for (const { resource } of failures) t.regex(resource, known);
}

/** People know resources by a kind and a name, or by the file that they wrote. */
const known = /^([A-Z]\w+ [\w./-]+|[\w./-]+\.(binpb|yaml))$/;

function checkWords(t: ExecutionContext, failures: ReturnType<MeshCompiler['failures']>) {
  checkNames(t, failures);
  for (const { message } of failures) {
    t.regex(message, /^a bug in Weft stops .*: .+ cannot be read; /);
  }
}

/** Golden meshes that together compute something in every collection. */
const various = [
  'asked-by-header',
  'broken-contract',
  'caller-and-callee',
  'denied',
  'pod-headless',
  'rest-at-edge',
  'shared-account',
  'tracing',
  'zone-aware',
];

test('failures: whatever a derivation is about, people know its name', (t) => {
  const meshes = [bakery(), ...various.map((name) => parseDirectory(goldenFiles(name)))];
  // One mesh that computes something in each collection.
  const meshOf = new Map<string, Facts>();
  for (const facts of meshes) for (const name of faulty(facts, () => false).computed) meshOf.set(name, facts);
  t.true(meshOf.size > 60, `${meshOf.size}`);
  for (const [name, facts] of meshOf) {
    const problems = faulty(facts, (collection) => collection === name).failures;
    t.true(problems.length > 0, name);
    for (const { resource, about } of problems) {
      t.regex(resource, known, name);
      t.true((about?.length ?? 0) > 0 || /\.\w+$/.test(resource), `${name}: ${resource}`);
    }
  }
});

test('failures: a Service that goes while something of it cannot be computed is still named', (t) => {
  const graph = new FaultyGraph();
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(bakery());
    for (const { id } of bakery().workloads) compiler.connect(id);
  }, 0);
  graph.isBroken = (collection) => collection === 'targets' || collection === 'endpoints';
  compiler.turn(() => sources.facts.services.delete('bakery/payments'), 0);
  const named = compiler.failures().map(({ resource }) => resource);
  t.true(named.includes('Service bakery/payments'), named.join());
  checkNames(t, compiler.failures());
});

/** Compiles in a graph in which some collections are broken, with every proxy connected. */
function faulty(facts: Facts, isBroken: FaultyGraph['isBroken']) {
  const graph = new FaultyGraph();
  graph.isBroken = isBroken;
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(facts);
    for (const { id } of facts.workloads) compiler.connect(id);
  }, 0);
  return { computed: graph.computed, failures: compiler.failures() };
}
