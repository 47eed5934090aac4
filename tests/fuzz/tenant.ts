import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { contractHash } from '@weft/compiler/contracts/contract-hash';
import { tinyContract } from '@weft/compiler/testing/tiny-contract';
import { Exposure } from '@weft/policy/weft/policy/v1/policy';
import { parseAllDocuments } from 'yaml';

/** A namespace with one service and one replica, whose manifests are files in a mesh directory. Nothing listens for it. */
export class Tenant {
  readonly #directory: string;
  readonly #namespace: string;
  readonly #port: number;

  constructor(directory: string, namespace: string, port: number) {
    this.#directory = directory;
    this.#namespace = namespace;
    this.#port = port;
  }

  /** Replaces the contract that the replica runs. */
  async publish(descriptorSet: Uint8Array): Promise<void> {
    await this.#write(join('contracts', this.#namespace, 'now.binpb'), descriptorSet);
    await this.#write(
      join('user', `${this.#namespace}.yaml`),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'random', namespace: this.#namespace },
        spec: { selector: { app: 'random' }, ports: [{ port: 80, appProtocol: 'grpc' }] },
      }).concat(
        '\n---\n',
        JSON.stringify({
          apiVersion: 'weft.dev/v1',
          kind: 'Workload',
          metadata: { name: 'random-0', namespace: this.#namespace, labels: { app: 'random' } },
          spec: {
            serviceAccount: 'random',
            contract: contractHash(descriptorSet),
            inbound: [{ listen: `127.0.0.1:${this.#port}`, application: `127.0.0.1:${this.#port}` }],
          },
          status: { ready: true },
        }),
      ),
    );
  }

  /** Replaces the tenant's policies. */
  async say(policies: string): Promise<void> {
    await this.#write(join('user', `${this.#namespace}-policies.yaml`), policies);
  }

  /** Takes everything back. */
  async leave(): Promise<void> {
    await Promise.all(
      [`user/${this.#namespace}.yaml`, `user/${this.#namespace}-policies.yaml`, `contracts/${this.#namespace}`].map(
        (path) => rm(join(this.#directory, path), { recursive: true, force: true }),
      ),
    );
  }

  /** Whole or not at all, as an editor writes. */
  async #write(path: string, content: string | Uint8Array): Promise<void> {
    const target = join(this.#directory, path);
    await mkdir(dirname(target), { recursive: true });
    const temporary = join(this.#directory, `.${this.#namespace}.new`);
    await writeFile(temporary, content);
    await rename(temporary, target);
  }
}

/** Gives each of these namespaces the proto package and the REST paths of its own name, as the mesh's operator would. */
export async function admit(directory: string, namespaces: readonly string[]): Promise<void> {
  const path = join(directory, 'mesh.yaml');
  const documents = parseAllDocuments(await readFile(path, 'utf8'));
  for (const document of documents) {
    if (document.get('kind') !== 'MeshConfig') continue;
    for (const namespace of namespaces) {
      document.addIn(['spec', 'packages'], document.createNode({ namespace, protoPackage: namespace }));
      document.addIn(['spec', 'exposure'], document.createNode({ namespace, paths: [`/${namespace}`] }));
    }
  }
  await writeFile(`${path}.new`, documents.map(String).join('---\n'));
  await rename(`${path}.new`, path);
}

/** A contract of `calm.tenant` whose only method is served at this REST path. */
export function calmContract(path: string): Uint8Array {
  return tinyContract('calm.tenant', { Get: { http: { verb: 'get', path } } }, { exposure: Exposure.EDGE });
}
