import { Graph } from '@weft/collections';
import test from 'ava';
import { factSources } from '../facts/fact-collections.ts';
import type { Facts } from '../facts/facts.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { contractHash } from './contract-hash.ts';
import { retainContracts, retained } from './retained-contracts.ts';

const good = descriptorSet('bakery.orders');
const later = withPolicy(good, 'GetOrder', { deadline: { seconds: 9n } });
// A key without which PlaceOrder cannot be repeated.
const bad = withPolicy(good, 'PlaceOrder', { idempotencyKey: undefined });
const worse = withPolicy(bad, 'GetOrder', { deadline: { seconds: 9n } });

/** A namespace that publishes contracts, each in a file of its own unless `file` says otherwise, and replicas of them. */
function mesh(published: readonly Uint8Array[], running: readonly Uint8Array[], file?: string): Facts {
  const directory = new MeshDirectory();
  for (const set of published) directory.contract('bakery', file ?? contractHash(set), set);
  for (const [index, set] of running.entries()) directory.replica(`orders-${index}`, { contract: contractHash(set) });
  return parseDirectory(directory.files);
}

function follow() {
  const graph = new Graph();
  const { facts, replace } = factSources(graph);
  const { contracts } = retainContracts(graph, facts.contracts, facts.workloads);
  return (next: Facts) => {
    graph.turn(() => replace(next));
    return contracts.keys().map((key) => key.replace('bakery/', ''));
  };
}

const hashes = (...sets: readonly Uint8Array[]) => sets.map(contractHash).sort();

test('a contract stays for as long as a replica names it, and no longer', (t) => {
  const after = follow();
  t.deepEqual(after(mesh([good], [good])), hashes(good));
  t.deepEqual(after(mesh([], [good])), hashes(good));
  t.deepEqual(after(mesh([later], [good, later])), hashes(good, later));
  t.deepEqual(after(mesh([later], [later])), hashes(later));
  t.deepEqual(after(mesh([later], [good, later])), hashes(later), 'what has gone does not come back');
});

test('the last understood contract of a file stays while the file holds one that is not understood', (t) => {
  const after = follow();
  after(mesh([good], [], 'orders'));
  after(mesh([later], [], 'orders'));
  t.deepEqual(after(mesh([bad], [], 'orders')), hashes(bad, later));
  t.deepEqual(after(mesh([worse], [], 'orders')), hashes(worse, later));
  t.deepEqual(after(mesh([], [], 'orders')), []);
});

test('the last understood contract of an account stays while its replicas run one that is not understood', (t) => {
  const after = follow();
  after(mesh([good, bad], [good]));
  t.deepEqual(after(mesh([bad], [good, bad])), hashes(good, bad));
  t.deepEqual(after(mesh([bad], [bad])), hashes(good, bad));
  t.deepEqual(after(mesh([worse], [worse])), hashes(good, worse));
  t.deepEqual(after(mesh([later], [later])), hashes(later));
});

test('the last understood contract of an account stays while its replicas run one that is nowhere', (t) => {
  const after = follow();
  after(mesh([good], [good]));
  t.deepEqual(after(mesh([], [later])), hashes(good));
  t.deepEqual(after(mesh([later], [later])), hashes(later));
});

test('retained: facts as they follow on others', (t) => {
  const facts = retained(mesh([good], [good], 'orders'), mesh([bad], [bad], 'orders'));
  t.deepEqual(facts.contracts.map(({ hash }) => hash).sort(), hashes(good, bad));
  const same = mesh([good], [good]);
  t.deepEqual(retained(same, same), same);
});

test('a replica that comes or goes computes nothing while others name its version', (t) => {
  const graph = new Graph();
  const { facts, replace } = factSources(graph);
  retainContracts(graph, facts.contracts, facts.workloads);
  graph.turn(() => replace(mesh([good], [good, good])));
  const turn = graph.turn(() => replace(mesh([good], [good, good, good])));
  t.deepEqual(Object.fromEntries(turn.computed), {});
});
