import { readFileSync } from 'node:fs';
import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { MeshFiles } from './mesh-files.ts';

const descriptors = new URL('../../../contracts/descriptors/', import.meta.url);
const read = (name: string) => readFileSync(new URL(`shop.${name}.binpb`, descriptors));
const path = 'contracts/shop/c.binpb';

test('while a contract is not understood, the last one of its file that was stays beside it', (t) => {
  const [good, later, bad, worse] = ['catalog', 'orders', 'payments', 'inventory'].map(read);
  if (!(good && later && bad && worse)) return t.fail();
  const refused = new Set([bad, worse].map(contractHash));
  const accepts = ({ hash }: { hash: string }) => !refused.has(hash);
  const files = new MeshFiles(undefined, accepts);
  const hashes = (of: MeshFiles) => of.facts().contracts.map(({ hash }) => hash);
  for (const version of [good, later, bad]) files.put(path, version);
  t.deepEqual(hashes(files), [bad, later].map(contractHash));
  files.put(path, worse);
  t.deepEqual(hashes(files), [worse, later].map(contractHash));
  const restarted = new MeshFiles(files.lastGood(), accepts);
  restarted.put(path, worse);
  t.deepEqual(hashes(restarted), [worse, later].map(contractHash));
  restarted.put(path, good);
  t.deepEqual(hashes(restarted), [contractHash(good)]);
});
