import { Graph } from '@weft/collections';
import test from 'ava';
import { contractHash } from './contracts/contract-hash.ts';
import { encodedCount } from './envoy/encode.ts';
import { type TypeUrl, typeUrls } from './envoy/resource.ts';
import { factSources } from './facts/fact-collections.ts';
import type { Facts } from './facts/facts.ts';
import { type Compiled, MeshCompiler } from './mesh-compiler.ts';
import type { WorkloadId } from './model/mesh.ts';
import { connectedPods, contractFact, contractMesh, largeMesh, podFact, runningPod } from './testing/large-mesh.ts';

// What a change costs, counted: keys that are computed, resources that are encoded, proxies that are told.

/** A compiler of these facts, in which these proxies are connected. */
function started(facts: Facts, connected: readonly WorkloadId[]) {
  const graph = new Graph();
  const sources = factSources(graph);
  const compiler = new MeshCompiler(graph, sources.facts);
  compiler.turn(() => {
    sources.replace(facts);
    for (const id of connected) compiler.connect(id);
  }, 0);
  /** Runs a turn, and says what it cost. */
  const cost = (change: () => void) => {
    const before = encodedCount();
    const compiled = compiler.turn(change, 0);
    return { keys: keysOf(compiled), encoded: encodedCount() - before, told: toldOf(compiled) };
  };
  return { compiler, facts: sources.facts, cost };
}

function keysOf({ turn }: Compiled): number {
  return [...turn.computed.values()].reduce((sum, count) => sum + count, 0);
}

/** By type and name: the proxies that are told of it, in order. */
function toldOf({ changes }: Compiled): Record<string, readonly string[]> {
  const told: Record<string, readonly string[]> = {};
  for (const { proxies, names } of changes) {
    const all = names === 'everything' ? ['everything'] : [...names].flatMap(([type, found]) => words(type, found));
    for (const name of all) told[name] = [...(told[name] ?? []), ...proxies].sort();
  }
  return told;
}

function words(typeUrl: TypeUrl, names: Iterable<string>): string[] {
  const type = Object.entries(typeUrls).find(([, url]) => url === typeUrl)?.[0] ?? typeUrl;
  return [...names].map((name) => `${type} ${name}`);
}

/** A pod of another namespace, which calls nobody of the mesh. */
function stranger(index: number): Facts['workloads'][number] {
  const pod = podFact(index, 0);
  return { ...pod, id: `depot/${pod.name}`, namespace: 'depot', spiffeId: 'spiffe://weft.local/ns/depot/sa/stranger' };
}

const strangers = Array.from({ length: 20 }, (_, index) => stranger(index));

function openMesh(services: number) {
  const facts = largeMesh(services);
  const connected = [...connectedPods(100), ...connectedPods(100, 1)];
  const mesh = started({ ...facts, workloads: [...facts.workloads, ...strangers] }, [
    ...connected,
    ...strangers.map(({ id }) => id),
  ]);
  return { ...mesh, connected: connected.toSorted() };
}

const [small, large] = [openMesh(100), openMesh(1000)];

test("cost: a pod's readiness computes as many keys in a mesh of 1,000 Services as of 100, and encodes one resource", (t) => {
  const costs = [small, large].map(({ facts, cost, connected }) => {
    const found = cost(() => facts.workloads.set('bakery/service-7-3', podFact(7, 3, false)));
    t.is(found.encoded, 1);
    t.deepEqual(found.told, { 'endpoints outbound|bakery/service-7': connected });
    return found.keys;
  });
  t.is(costs[0], costs[1]);
  t.true((costs[0] ?? 0) < 15, `${costs[0]} keys`);
});

test('cost: a pod that comes computes as many keys whatever the size of the mesh, and encodes one resource', (t) => {
  const costs = [small, large].map(({ facts, cost, connected }) => {
    const found = cost(() => facts.workloads.set('bakery/service-9-x', { ...podFact(9, 4), id: 'bakery/service-9-x' }));
    t.is(found.encoded, 1);
    t.deepEqual(found.told, { 'endpoints outbound|bakery/service-9': connected });
    return found.keys;
  });
  t.is(costs[0], costs[1]);
  t.true((costs[0] ?? 0) < 50, `${costs[0]} keys`);
});

test('cost: a connection computes as many keys whatever the size of the mesh, and encodes what is its own alone', (t) => {
  const costs = [small, large].map(({ compiler, cost }) => {
    const found = cost(() => compiler.connect('bakery/service-7-2'));
    t.is(found.encoded, 0, 'a replica of its Service is connected');
    t.deepEqual(found.told, { everything: ['bakery/service-7-2'] });
    return found.keys;
  });
  t.is(costs[0], costs[1]);
  t.is(costs[0], 1);
  for (const { compiler, cost } of [small, large]) {
    t.like(
      cost(() => compiler.disconnect('bakery/service-7-2')),
      { encoded: 0, told: {}, keys: 0 },
    );
  }
});

test('cost: a connection of the first replica of a Service encodes its inbound listener and routes', (t) => {
  const { compiler, cost } = large;
  const found = cost(() => compiler.connect('bakery/service-999-0'));
  t.is(found.encoded, 2);
  t.true(found.keys < 10, `${found.keys} keys`);
});

test('cost: a renamed method encodes only the routes of its callers and of its own replicas', (t) => {
  const costs = [30, 300].map((services) => {
    const facts = contractMesh(services);
    const { facts: sources, cost } = started(facts, connectedPods(services));
    const renamed = contractFact(7, 'Renamed');
    const found = cost(() => {
      sources.contracts.set(`bakery/${renamed.hash}`, renamed);
      for (const pod of facts.workloads) {
        if (pod.labels.app === 'service-7') sources.workloads.set(pod.id, runningPod(pod, renamed.hash));
      }
      sources.contracts.delete(`bakery/${contractHash(contractFact(7).descriptorSet)}`);
    });
    t.deepEqual(found.told, {
      'route outbound': ['bakery/service-8-0'],
      'route inbound|bakery/service-7|8080': ['bakery/service-7-0'],
    });
    t.is(found.encoded, 2);
    return found.keys;
  });
  t.is(costs[0], costs[1]);
});

test('cost: where zones are preferred, the keys that readiness computes do not depend on the number of Services', (t) => {
  const costs = [100, 300].map((services) => {
    const facts = { ...largeMesh(services), settings: { ...largeMesh(1).settings, zoneAware: true } };
    const { facts: sources, cost } = started(facts, connectedPods(50));
    const found = cost(() => sources.workloads.set('bakery/service-99-3', podFact(99, 3, false)));
    t.deepEqual(Object.keys(found.told), ['endpoints outbound|bakery/service-99']);
    return found.keys;
  });
  t.is(costs[0], costs[1]);
});
