export { contractsWithLines, descriptorSet } from '@weft/test-contracts';

/** Writes a mesh directory in memory. For tests. */
export class MeshDirectory {
  readonly files = new Map<string, Uint8Array>();

  /** `spec` of the MeshConfig; the namespace "bakery" speaks for "bakery" when it does not say otherwise. */
  constructor(spec: object = {}) {
    const packages = [{ namespace: 'bakery', protoPackage: 'bakery' }];
    this.put('mesh.yaml', { kind: 'MeshConfig', metadata: { name: 'mesh' }, spec: { packages, ...spec } });
  }

  put(path: string, object: object): this {
    this.files.set(path, Buffer.from(JSON.stringify({ apiVersion: 'weft.dev/v1', ...object }, undefined, 2)));
    return this;
  }

  contract(namespace: string, file: string, set: Uint8Array): this {
    this.files.set(`contracts/${namespace}/${file}.binpb`, set);
    return this;
  }

  service(name: string, namespace = 'bakery'): this {
    return this.put(`${namespace}/${name}.yaml`, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace, name },
      spec: { selector: { app: name }, ports: [{ port: 80, appProtocol: 'grpc' }] },
    });
  }

  replica(
    name: string,
    options: {
      readonly contract?: string;
      readonly inbound?: string;
      readonly application?: string;
      readonly outbound?: string;
      readonly namespace?: string;
      readonly ready?: boolean;
      readonly account?: string;
      readonly zone?: string;
    },
  ): this {
    const { namespace = 'bakery', contract, inbound, application, outbound, zone, ready = true } = options;
    const app = name.replace(/-[0-9a-z]+$/, '');
    return this.put(`${namespace}/workloads/${name}.yaml`, {
      kind: 'Workload',
      metadata: { namespace, name, labels: { app } },
      spec: {
        serviceAccount: options.account ?? app,
        ...(contract ? { contract } : {}),
        inbound: inbound ? [{ listen: inbound, application }] : [],
        ...(outbound ? { outbound } : {}),
        ...(zone ? { zone } : {}),
      },
      status: ready ? { ready } : { ready, reason: 'stopping' },
    });
  }

  edge(listen: string, spec: object = {}): this {
    this.put('edge.yaml', { kind: 'Gateway', metadata: { name: 'edge' }, spec });
    return this.put('weft/workloads/edge-0.yaml', {
      kind: 'Workload',
      metadata: { namespace: 'weft', name: 'edge-0' },
      spec: { serviceAccount: 'edge', gateway: { name: 'edge', listen } },
      status: { ready: true },
    });
  }

  remove(path: string): this {
    this.files.delete(path);
    return this;
  }
}
