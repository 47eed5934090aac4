import test from 'ava';
import { contractHash } from '../contracts/contract-hash.ts';
import type { WorkloadId } from '../model/mesh.ts';
import { DirectoryCompiler } from '../testing/directory-compiler.ts';
import { MeshDirectory } from '../testing/mesh-directory.ts';
import { missingReferences } from '../testing/references.ts';
import { tinyContract, tinyPath } from '../testing/tiny-contract.ts';
import { typeUrls } from './resource.ts';

// Envoy waits for a route configuration that never comes, and sends calls to a cluster that is not there nowhere.

function snapshotOf(directory: MeshDirectory, id: WorkloadId) {
  const snapshot = new DirectoryCompiler(directory).snapshot(id);
  if (snapshot === undefined) throw new Error(`${id} has no snapshot`);
  return snapshot;
}

test('the listener of a process whose Service speaks TCP waits for no routes', (t) => {
  const directory = new MeshDirectory()
    .put('bakery/ledger.yaml', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name: 'ledger' },
      spec: { selector: { app: 'ledger' }, ports: [{ port: 5432 }] },
    })
    .replica('ledger-0', { inbound: '127.0.0.1:1001', application: '127.0.0.1:5432' });
  const snapshot = snapshotOf(directory, 'bakery/ledger-0');
  t.deepEqual([...(snapshot.get(typeUrls.listener)?.keys() ?? [])], ['inbound|1001']);
  t.deepEqual(missingReferences(snapshot), []);
});

test('a route has a mirror only for callers that may call the mirror, too', (t) => {
  const contract = (callers: string[]) => tinyContract('bakery.a', { Get: {} }, { callers });
  const mirrorOf = (admitted: string[]) => {
    const [main, next] = [contract(['bakery.b']), contract(admitted)];
    const caller = tinyContract('bakery.b', { Call: {} }, { calls: ['bakery.a'] });
    const at = { inbound: '127.0.0.1:1001', application: 'unix:/run/a', outbound: '127.0.0.1:1002' };
    const directory = new MeshDirectory()
      .contract('bakery', 'main', main)
      .contract('bakery', 'next', next)
      .contract('bakery', 'caller', caller)
      .service('a')
      .service('next')
      .service('b')
      .replica('a-0', { ...at, contract: contractHash(main) })
      .replica('next-0', { ...at, contract: contractHash(next) })
      .replica('b-0', { ...at, contract: contractHash(caller) })
      .put('bakery/policy.yaml', {
        kind: 'MeshPolicy',
        metadata: { namespace: 'bakery', name: 'copies' },
        spec: { service: 'a', methods: [{ path: tinyPath('bakery.a', 'Get'), mirror: 'next' }] },
      });
    const snapshot = snapshotOf(directory, 'bakery/b-0');
    t.deepEqual(missingReferences(snapshot), []);
    return Buffer.from(snapshot.get(typeUrls.route)?.get('outbound')?.body ?? []).includes('x-weft-mirror');
  };
  t.true(mirrorOf(['bakery.b']));
  t.true(mirrorOf(['bakery.b', 'bakery.c']));
  t.false(mirrorOf(['bakery.c']));
});
