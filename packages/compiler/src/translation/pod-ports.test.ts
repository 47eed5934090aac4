import test from 'ava';
import { parseDirectory } from '../mesh-directory/parse-directory.ts';
import { MeshDirectory } from '../testing/mesh-directory.ts';
import { assemble } from './assemble.ts';

test('ports of pods that their proxies have for themselves are left out, and said so but for metrics', (t) => {
  const directory = new MeshDirectory()
    .put('bakery/db-0.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: 'db-0', labels: { app: 'db' } },
      spec: { serviceAccount: 'db', pod: { addresses: ['10.1.0.9'] } },
      status: { ready: true },
    })
    .put('bakery/db.yaml', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'bakery', name: 'db' },
      spec: {
        selector: { app: 'db' },
        ports: [{ port: 5432 }, { port: 81, targetPort: 15_001 }, { port: 82, targetPort: 9901 }, { port: 15_020 }],
      },
    });
  const mesh = assemble(parseDirectory(directory.files));
  t.deepEqual(
    mesh.workloads.get('bakery/db-0')?.inbound.map(({ listen }) => listen.port),
    [5432],
  );
  t.deepEqual(
    mesh.problems.map(({ message }) => /port \d+ of its pods, which their proxies/.exec(message)?.[0]),
    ['port 15001 of its pods, which their proxies', 'port 15020 of its pods, which their proxies'],
  );
});
