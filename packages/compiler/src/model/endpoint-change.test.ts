import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { withPolicy } from '../testing/edit-contract.ts';
import { descriptorSet, MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from '../translation/assemble.ts';
import { type MeshChanges, onlyEndpointsChanged } from './endpoint-change.ts';
import type { Mesh } from './mesh.ts';

const orders = descriptorSet('bakery.orders');

function meshWith(change: (directory: MeshDirectory) => void = () => {}): Mesh {
  const directory = new MeshDirectory().contract('bakery', 'bakery.orders', orders).service('orders');
  directory.replica('orders-0', { contract: contractHash(orders), inbound: '127.0.0.1:20001', application: 'unix:/a' });
  change(directory);
  return assemble(parseDirectory(directory.files));
}

function changes(before: Mesh, after: Mesh, elsewhere = false): MeshChanges {
  return {
    services: differing(before.services, after.services),
    workloads: differing(before.workloads, after.workloads),
    elsewhere,
  };
}

function differing<V>(before: ReadonlyMap<string, V>, after: ReadonlyMap<string, V>) {
  const keys = new Set([...before.keys(), ...after.keys()]);
  const entry = (name: 'before' | 'after', value: V | undefined) => (value === undefined ? {} : { [name]: value });
  return new Map(
    [...keys].map((key) => [key, { ...entry('before', before.get(key)), ...entry('after', after.get(key)) }] as const),
  );
}

const second = { contract: contractHash(orders), inbound: '127.0.0.1:20002', application: 'unix:/b' };
const one = meshWith();
const two = meshWith((mesh) => mesh.replica('orders-1', { ...second, ready: false }));
const ready = meshWith((mesh) => mesh.replica('orders-1', second));

test('a replica that comes, becomes ready or goes is a change of endpoints', (t) => {
  t.true(onlyEndpointsChanged(changes(one, two)));
  t.true(onlyEndpointsChanged(changes(two, ready)));
  t.true(onlyEndpointsChanged(changes(ready, one)));
  t.true(onlyEndpointsChanged(changes(one, one)));
});

test('another account, contract, service or setting is more than that', (t) => {
  const moved = meshWith((mesh) => mesh.replica('orders-1', { ...second, account: 'other' }));
  t.false(onlyEndpointsChanged(changes(ready, moved)));
  const release = withPolicy(orders, 'PlaceOrder', { deadline: { seconds: 9n } });
  const other = meshWith((mesh) =>
    mesh.contract('bakery', 'release', release).replica('orders-1', { ...second, contract: contractHash(release) }),
  );
  t.false(onlyEndpointsChanged(changes(ready, other)));
  t.false(
    onlyEndpointsChanged(
      changes(
        one,
        meshWith((mesh) => mesh.service('empty')),
      ),
    ),
  );
  t.false(onlyEndpointsChanged(changes(one, two, true)));
});
