import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema, MethodOptions_IdempotencyLevel as Level } from '@bufbuild/protobuf/wkt';
import { Graph } from '@weft/collections';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { factSources, wholeFacts } from '@weft/compiler/facts/fact-collections';
import type { Facts } from '@weft/compiler/facts/facts';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { withPolicy } from '@weft/compiler/testing/edit-contract';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { assemble } from '@weft/compiler/translation/assemble';
import test from 'ava';
import { type Pin, pinOf } from './pin.ts';
import { pinFacts, pinKey } from './pin-facts.ts';

const catalog = descriptorSet('bakery.catalog');
const path = '/bakery.catalog.v1.CatalogService/GetProduct';
const reason = { revisionId: 'abc', sinceMs: 1, why: '', by: '' };

function facts(set: Uint8Array, change: (directory: MeshDirectory) => void = () => {}): Facts {
  const directory = new MeshDirectory().contract('bakery', 'bakery.catalog', set).service('catalog');
  directory.replica('catalog-0', { contract: contractHash(set), inbound: '127.0.0.1:20001', application: 'unix:/a' });
  change(directory);
  return parseDirectory(directory.files);
}

/** Facts behind a pin. */
function follow() {
  const graph = new Graph();
  const { facts: live, replace } = factSources(graph);
  const pins = graph.source<Pin>('pin');
  const held = pinFacts(graph, live, pins);
  return {
    graph,
    live,
    held,
    take: (next: Facts) => graph.turn(() => replace(next)),
    pin: (pin: Pin | undefined) => graph.turn(() => (pin ? pins.set(pinKey, pin) : pins.delete(pinKey))),
  };
}

/** Facts as they are behind a pin. */
function pinned(live: Facts, pin: Pin): Facts {
  const followed = follow();
  followed.take(live);
  followed.pin(pin);
  return wholeFacts(followed.held);
}

test('a pin holds contracts, and leaves replicas as they are', (t) => {
  const released = withPolicy(catalog, 'GetProduct', { callers: { names: [] } });
  const live = facts(released, (mesh) => mesh.replica('catalog-1', { contract: contractHash(released), ready: false }));
  const held = pinned(live, pinOf(facts(catalog), reason));
  const mesh = assemble(held);
  t.deepEqual(mesh.problems, []);
  t.true(mesh.services.get('bakery/catalog')?.methods.get(path)?.callers.has('bakery.orders'));
  t.deepEqual([...mesh.workloads.keys()], ['bakery/catalog-0', 'bakery/catalog-1']);
  t.false(mesh.workloads.get('bakery/catalog-1')?.ready);
  t.deepEqual(pinned(live, pinOf(facts(catalog), reason)).services, live.services);
});

test('a pin of what holds changes nothing, and when it ends the facts are those of now', (t) => {
  const { take, pin, held } = follow();
  const live = facts(catalog);
  take(live);
  const without = wholeFacts(held);
  t.deepEqual(without, live);
  t.is(pin(pinOf(live, reason)).changed(held.workloads).size, 0);
  t.deepEqual(assemble(wholeFacts(held)), assemble(live));
  const released = withPolicy(catalog, 'GetProduct', { callers: { names: [] } });
  take(facts(released));
  t.deepEqual(held.contracts.keys(), [`bakery/${contractHash(catalog)}`]);
  t.is(held.workloads.get('bakery/catalog-0')?.contractHash, contractHash(catalog));
  pin(undefined);
  t.deepEqual(wholeFacts(held), facts(released));
});

test('without a pin a replica passes: one key, whatever else there is', (t) => {
  const { take, held } = follow();
  const mesh = (ready: boolean) =>
    facts(catalog, (directory) => {
      for (let index = 1; index < 200; index++)
        directory.replica(`catalog-${index}`, { contract: contractHash(catalog) });
      directory.replica('catalog-7', { contract: contractHash(catalog), ready });
    });
  take(mesh(true));
  const turn = take(mesh(false));
  t.deepEqual([...turn.changed(held.workloads).keys()], ['bakery/catalog-7']);
  t.deepEqual(Object.fromEntries(turn.computed), { 'pinned workloads': 1 });
});

test('a pin never retries what a version that runs now may not repeat', (t) => {
  const live = facts(withoutRepeats(catalog));
  const mesh = assemble(pinned(live, pinOf(facts(catalog), reason)));
  t.truthy(assemble(facts(catalog)).services.get('bakery/catalog')?.methods.get(path)?.retry);
  t.is(mesh.services.get('bakery/catalog')?.methods.get(path)?.retry, undefined);
  t.deepEqual(mesh.problems, []);
});

test('a service that the pin does not know, and an override, are those of now', (t) => {
  const orders = descriptorSet('bakery.orders');
  const live = facts(catalog, (mesh) => {
    mesh
      .contract('bakery', 'bakery.orders', orders)
      .service('orders')
      .replica('orders-0', { contract: contractHash(orders) });
    mesh.put('calm.yaml', {
      kind: 'MeshOverride',
      metadata: { namespace: 'bakery', name: 'calm' },
      spec: { service: 'catalog', deny: ['bakery.orders'] },
    });
  });
  const mesh = assemble(pinned(live, pinOf(facts(catalog), reason)));
  t.is(mesh.services.get('bakery/orders')?.logicalName, 'bakery.orders');
  t.false(mesh.services.get('bakery/catalog')?.methods.get(path)?.callers.has('bakery.orders'));
});

/** A release that says of no method any longer that it may be repeated. */
function withoutRepeats(descriptorSet: Uint8Array): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const methods = set.file.flatMap(({ service }) => service).flatMap(({ method }) => method);
  for (const { options } of methods) if (options) options.idempotencyLevel = Level.IDEMPOTENCY_UNKNOWN;
  let edited: Uint8Array = toBinary(FileDescriptorSetSchema, set);
  for (const { name } of methods) edited = withPolicy(edited, name, { retry: undefined, hedge: undefined });
  return edited;
}
