import { Graph } from '@weft/collections';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet } from '../testing/mesh-directory.ts';
import { type LastGood, MeshFiles } from './mesh-files.ts';

const path = 'contracts/bakery/c.binpb';

test('while a contract is not understood, the last one of its file that was stays beside it', (t) => {
  const [good, later] = [descriptorSet('bakery.catalog'), descriptorSet('bakery.orders')];
  // A key without which PlaceOrder cannot be repeated.
  const bad = withPolicy(later, 'PlaceOrder', { idempotencyKey: undefined });
  const worse = withPolicy(bad, 'GetOrder', { deadline: { seconds: 9n } });
  const open = (remembered?: LastGood) => {
    const graph = new Graph();
    const files = new MeshFiles(graph);
    if (remembered) files.restore(remembered);
    return {
      files,
      hashesAfter(bytes: Uint8Array) {
        files.put(path, bytes);
        graph.turn(() => files.tell());
        return files.facts.contracts.values().map(({ hash }) => hash);
      },
    };
  };
  const sorted = (...versions: Uint8Array[]) => versions.map(contractHash).sort();
  const { files, hashesAfter } = open();
  t.deepEqual(hashesAfter(good), sorted(good));
  t.deepEqual(hashesAfter(later), sorted(later));
  t.deepEqual(hashesAfter(bad), sorted(bad, later));
  t.deepEqual(hashesAfter(worse), sorted(worse, later));
  const restarted = open(files.lastGood());
  t.deepEqual(restarted.hashesAfter(worse), sorted(worse, later));
  t.deepEqual(restarted.hashesAfter(good), sorted(good));
});
