import { Graph } from '@weft/collections';
import test from 'ava';
import fc from 'fast-check';
import { retainContracts } from '../contracts/retained-contracts.ts';
import { type FactCollections, wholeFacts } from '../facts/fact-collections.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { documentFacts, type Reading } from './document-facts.ts';
import { parseDirectory, readFile } from './parse-directory.ts';

const service = (name: string, port: number) =>
  `apiVersion: v1\nkind: Service\nmetadata: {namespace: bakery, name: ${name}}\nspec: {selector: {app: ${name}}, ports: [{port: ${port}}]}\n`;
const workload = (name: string) =>
  `apiVersion: weft.dev/v1\nkind: Workload\nmetadata: {namespace: bakery, name: ${name}}\nspec: {serviceAccount: ${name}}\n`;
const settings = (trustDomain: string) =>
  `apiVersion: weft.dev/v1\nkind: MeshConfig\nmetadata: {name: ${trustDomain}}\nspec: {trustDomain: ${trustDomain}}\n`;
const policy = (service: string) =>
  `apiVersion: weft.dev/v1\nkind: MeshPolicy\nmetadata: {namespace: bakery, name: p}\nspec: {service: ${service}}\n`;

const documents = [
  service('a', 80),
  service('a', 81),
  service('b', 80),
  service('b', 70_000),
  workload('a-0'),
  workload('b-0'),
  settings('one'),
  settings('two'),
  policy('a'),
  policy('b'),
  'kind: [',
];
const manifest = fc
  .array(fc.constantFrom(...documents), { maxLength: 4 })
  .map((parts) => new Uint8Array(Buffer.from(parts.join('---\n'))));
const contract = fc.constantFrom(descriptorSet('bakery.orders'), descriptorSet('bakery.catalog'), new Uint8Array([1]));
const event = fc.oneof(
  fc.record({ path: fc.constantFrom('a.yaml', 'b.yaml', 'c/d.yaml'), bytes: fc.option(manifest) }),
  fc.record({
    path: fc.constantFrom('contracts/bakery/a.binpb', 'contracts/bakery/b.binpb', 'contracts/x/a.binpb'),
    bytes: fc.option(contract),
  }),
);

function follow() {
  const graph = new Graph();
  const readings = graph.source<Reading>('files');
  const { found, ...facts } = documentFacts(graph, readings);
  // What is published, without what stays after it was: that depends on the order of events by its nature.
  const published = retainContracts(graph, found, graph.constant('no workloads', [])).contracts;
  const collections: FactCollections = { ...facts, contracts: published };
  const put = (path: string, bytes: Uint8Array | null) => {
    const reading = bytes && readFile(path, bytes);
    if (reading) readings.set(path, reading);
    else readings.delete(path);
  };
  return { graph, put, now: () => wholeFacts(collections) };
}

test('after any sequence of files that come, change and go, the facts are those of a fresh reading', (t) => {
  fc.assert(
    fc.property(fc.array(fc.array(event, { minLength: 1, maxLength: 3 }), { maxLength: 8 }), (turns) => {
      const { graph, put, now } = follow();
      const files = new Map<string, Uint8Array>();
      for (const events of turns) {
        graph.turn(() => {
          for (const { path, bytes } of events) put(path, bytes);
        });
        for (const { path, bytes } of events) {
          if (bytes) files.set(path, bytes);
          else files.delete(path);
        }
        t.deepEqual(now(), parseDirectory(files));
      }
      t.deepEqual(graph.failures(), []);
    }),
    { numRuns: 200 },
  );
});

test('the order in which files come does not matter', (t) => {
  const files = fc.uniqueArray(event, { selector: ({ path }) => path, minLength: 2, maxLength: 6 });
  const orders = files.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  fc.assert(
    fc.property(orders, (both) => {
      const [one, other] = both.map((events) => {
        const { graph, put, now } = follow();
        for (const { path, bytes } of events) graph.turn(() => put(path, bytes));
        return now();
      });
      t.deepEqual(one, other);
    }),
    { numRuns: 200 },
  );
});

test('a changed document computes what it says and nothing else, however many files there are', (t) => {
  const { graph, put } = follow();
  graph.turn(() => {
    put('mesh.yaml', Buffer.from(settings('one')));
    for (let index = 0; index < 1000; index++) put(`${index}.yaml`, Buffer.from(workload(`w-${index}`)));
  });
  const turn = graph.turn(() => put('7.yaml', Buffer.from(`${workload('w-7')}status: {ready: true}\n`)));
  t.true(
    [...turn.computed.values()].every((count) => count === 1),
    JSON.stringify([...turn.computed]),
  );
});
