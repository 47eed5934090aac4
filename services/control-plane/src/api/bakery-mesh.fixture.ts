import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { parseDirectory } from '@weft/compiler/mesh-directory/parse-directory';
import type { Mesh } from '@weft/compiler/model/mesh';
import { assemble } from '@weft/compiler/translation/assemble';
import { descriptorSet } from '@weft/test-contracts';

const names = ['catalog', 'inventory', 'payments', 'orders'];

/** The bakery as a mesh: one replica of each service, and the edge. For tests. */
export function bakeryMesh(): Mesh {
  const files = new Map<string, Uint8Array>();
  const put = (path: string, ...documents: object[]) =>
    files.set(path, Buffer.from(documents.map((document) => JSON.stringify(document)).join('\n---\n')));
  const packages = [{ namespace: 'bakery', protoPackage: 'bakery' }];
  put('mesh.yaml', { apiVersion: 'weft.dev/v1', kind: 'MeshConfig', metadata: { name: 'mesh' }, spec: { packages } });
  names.forEach((name, index) => {
    const set = descriptorSet(`bakery.${name}`);
    files.set(`contracts/bakery/bakery.${name}.binpb`, set);
    const contract = contractHash(set);
    const inbound = [{ listen: `127.0.0.1:${20_000 + index}`, application: `unix:/run/${name}.sock` }];
    const spec = { selector: { app: name }, ports: [{ port: 80, appProtocol: 'grpc' }] };
    put(
      `${name}.yaml`,
      { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'bakery', name }, spec },
      {
        apiVersion: 'weft.dev/v1',
        kind: 'Workload',
        metadata: { namespace: 'bakery', name: `${name}-0`, labels: { app: name } },
        spec: { serviceAccount: name, contract, inbound, outbound: `127.0.0.1:${20_100 + index}` },
        status: { ready: true },
      },
    );
  });
  put(
    'edge.yaml',
    { apiVersion: 'weft.dev/v1', kind: 'Gateway', metadata: { name: 'edge' }, spec: { reflection: true } },
    {
      apiVersion: 'weft.dev/v1',
      kind: 'Workload',
      metadata: { namespace: 'weft', name: 'edge-0' },
      spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen: '127.0.0.1:8080' } },
      status: { ready: true },
    },
  );
  return assemble(parseDirectory(files));
}
