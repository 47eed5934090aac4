import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import { descriptorSet, MeshDirectory } from '@weft/compiler/testing/mesh-directory';
import { assemble } from '@weft/compiler/translation/assemble';
import test from 'ava';
import { plainTextRefusal } from './plain-text-refusal.ts';

function pod(directory: MeshDirectory, name: string, address: string): MeshDirectory {
  const set = descriptorSet(`bakery.${name}`);
  return directory
    .contract('bakery', `bakery.${name}`, set)
    .service(name)
    .put(`bakery/${name}-0.yaml`, {
      kind: 'Workload',
      metadata: { namespace: 'bakery', name: `${name}-0`, labels: { app: name } },
      spec: { serviceAccount: name, contract: contractHash(set), pod: { addresses: [address] } },
      status: { ready: true },
    });
}

const directory = new MeshDirectory();
pod(directory, 'payments', '10.1.0.1');
pod(directory, 'catalog', '10.1.0.2');
pod(directory, 'orders', '10.1.0.3');
const mesh = assemble(parseDirectory(directory.files));
const refusal = (path: string, source: string) => plainTextRefusal(mesh, 'bakery/payments-0', 80, path, source);
const authorize = '/bakery.payments.v1.PaymentService/Authorize';

test('a pod that may not call is told what its own proxy would have said', (t) => {
  t.deepEqual(refusal(authorize, '10.1.0.2'), {
    caller: 'bakery.catalog',
    path: authorize,
    httpStatus: 403,
    message:
      'weft: bakery.catalog may not call bakery.payments.v1.PaymentService/Authorize; its contract names bakery.orders',
    advice: 'callers: {names: "bakery.catalog"} in bakery.payments.v1.PaymentService',
  });
});

test('a pod that may call and went past its proxy is refused too', (t) => {
  t.like(refusal(authorize, '10.1.0.3'), {
    httpStatus: 403,
    message: 'weft: bakery.orders called bakery.payments.v1.PaymentService/Authorize in plain text, past its proxy',
  });
});

test('who is not in the mesh is named by address, and a path that is no method by its service', (t) => {
  t.like(refusal('/x', '10.9.9.9'), {
    caller: '10.9.9.9',
    path: 'bakery/payments:80',
    message: 'weft: 10.9.9.9, which is not in the mesh, may not call bakery/payments in plain text',
  });
  t.is(refusal('/x', '10.1.0.2').message, 'weft: bakery.catalog may not call bakery/payments');
});

test('a service without a contract takes its namespace, and says what would admit others', (t) => {
  const files = new MeshDirectory();
  pod(files, 'catalog', '10.1.0.2');
  const service = (name: string, ports: object[]) =>
    files.put(`other/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'other', name },
      spec: { selector: { app: 'web' }, ports },
    });
  // One pod behind two Services: the port says which of them was called.
  service('admin', [{ port: 9000, appProtocol: 'http' }]);
  service('web', [
    { name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' },
    { name: 'more', port: 81, targetPort: 8081, appProtocol: 'http' },
  ]).put('other/web-0.yaml', {
    kind: 'Workload',
    metadata: { namespace: 'other', name: 'web-0', labels: { app: 'web' } },
    spec: { serviceAccount: 'web', pod: { addresses: ['10.1.0.7'] } },
    status: { ready: true },
  });
  const found = assemble(parseDirectory(files.files));
  const at = (port: number, source: string) => plainTextRefusal(found, 'other/web-0', port, '/x', source);
  t.like(at(8080, '10.1.0.2'), {
    path: 'other/web:80',
    message: 'weft: bakery.catalog may not call other/web; it takes the workloads of namespace other',
    advice: 'callers: [bakery.catalog] at path "/*" of a MeshPolicy for Service other/web',
  });
  t.like(at(9000, '10.1.0.2'), { path: 'other/admin:9000' });
  // No MeshPolicy is about another port than the first.
  t.is(at(8081, '10.1.0.2').advice, undefined);
  t.like(at(8080, '10.1.0.7'), {
    message: 'weft: spiffe://weft.local/ns/other/sa/web called other/web in plain text, past its proxy',
  });
});
