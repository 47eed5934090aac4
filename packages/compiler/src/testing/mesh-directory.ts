import { readFileSync } from 'node:fs';

const contracts = new URL('../../../../contracts/', import.meta.url);

/** One of the shop's descriptor sets: "shop.orders". */
export function descriptorSet(logicalName: string): Uint8Array {
  return readFileSync(new URL(`${logicalName.replace(/^shop\./, '')}/descriptor.binpb`, contracts));
}

/** Writes a mesh directory in memory. For tests. */
export class MeshDirectory {
  readonly files = new Map<string, Uint8Array>();

  /** `spec` of the MeshConfig; the namespace "shop" speaks for "shop" when it does not say otherwise. */
  constructor(spec: object = {}) {
    const packages = [{ namespace: 'shop', protoPackage: 'shop' }];
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

  service(name: string, namespace = 'shop'): this {
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
    const { namespace = 'shop', contract, inbound, application, outbound, zone, ready = true } = options;
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
