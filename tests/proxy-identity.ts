import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { SecretSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret';
import {
  DeltaDiscoveryRequestSchema,
  DeltaDiscoveryResponseSchema,
} from '@weft/envoy-api/envoy/service/discovery/v3/discovery';
import { freePort, type Mesh } from './mesh.ts';
import { waitFor } from './wait-for.ts';

/** A workload's certificate, as its proxy gets it. PEM. */
export interface ProxyIdentity {
  readonly certificate: Buffer;
  readonly key: Buffer;
  readonly root: Buffer;
  /** Takes the workload out of the mesh again. */
  leave(): Promise<void>;
}

const secretType = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/**
 * Joins the mesh as one more replica and takes the certificate that the control plane gives it: by manifest, token and SDS, as its
 * Envoy would. `listen` is the address that callers are told.
 */
export async function joinMesh(
  mesh: Mesh,
  workload: {
    name: string;
    serviceAccount: string;
    labels?: Record<string, string>;
    listen?: string;
    contract?: string;
  },
): Promise<ProxyIdentity> {
  const token = randomBytes(32).toString('base64url');
  const tokenFile = join(mesh.state, 'tokens/shop', workload.name);
  await writeFile(tokenFile, token, { mode: 0o600 });
  await chmod(tokenFile, 0o600);
  const manifest = {
    apiVersion: 'weft.dev/v1',
    kind: 'Workload',
    metadata: { namespace: 'shop', name: workload.name, labels: workload.labels ?? { app: workload.name } },
    spec: {
      serviceAccount: workload.serviceAccount,
      ...(workload.contract ? { contract: workload.contract } : {}),
      inbound: workload.listen ? [{ listen: workload.listen, application: '127.0.0.1:9' }] : [],
      outbound: `127.0.0.1:${await freePort()}`,
    },
    status: { ready: true },
  };
  await mkdir(mesh.userMesh, { recursive: true });
  const file = join(mesh.userMesh, `${workload.name}.yaml`);
  await writeFile(`${file}.tmp`, JSON.stringify(manifest));
  await rename(`${file}.tmp`, file);
  const secrets = await fetchSecrets(mesh, `shop/${workload.name}`, token);
  return {
    ...secrets,
    leave: async () => {
      await rm(file, { force: true });
      await rm(tokenFile, { force: true });
    },
  };
}

/** How a proxy of this mesh reaches the control plane: from the bootstrap of one that runs. */
async function controlPlane(mesh: Mesh): Promise<{ port: number; root: Buffer }> {
  const { adminSocket } = await mesh.replica('catalog-0');
  const { requestAdmin } = await import('@weft/dev-envoy');
  const dump = await requestAdmin({ socketPath: adminSocket, path: '/clusters?format=json' });
  const clusters: {
    cluster_statuses: { name: string; host_statuses: { address: { socket_address: { port_value: number } } }[] }[];
  } = JSON.parse(dump);
  const xds = clusters.cluster_statuses.find((cluster) => cluster.name === 'xds');
  const port = xds?.host_statuses[0]?.address.socket_address.port_value;
  if (!port) throw new Error('the proxy has no cluster "xds"');
  return { port, root: await readFile(join(mesh.state, 'control-plane/root/root.pem')) };
}

/**
 * One delta stream as the node `id` with `token`; resolves with its two secrets. The control plane may learn of `token` only now, so a
 * refusal counts after `timeoutMs`; the rejection ends with the stream's error.
 */
export async function fetchSecrets(
  mesh: Mesh,
  id: string,
  token: string,
  timeoutMs = 10_000,
): Promise<Omit<ProxyIdentity, 'leave'>> {
  const { port, root } = await controlPlane(mesh);
  const at = { host: '127.0.0.1', port, root };
  return waitFor('the identity of a new proxy', () => secretsAt(at, id, token), { timeoutMs });
}

/** Where a control plane serves xDS, and the root that it is trusted by (PEM). */
export interface XdsAddress {
  readonly host: string;
  readonly port: number;
  readonly root: Buffer;
}

/** One delta stream: the two secrets of the node `id`. Rejects with "CODE: message" where the stream is refused. */
export async function secretsAt(xds: XdsAddress, id: string, token: string): Promise<Omit<ProxyIdentity, 'leave'>> {
  const session = connect(`https://${xds.host}:${xds.port}`, { ca: xds.root, servername: 'weft-control-plane' });
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request({
        ':method': 'POST',
        ':path': '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
        'content-type': 'application/grpc',
        te: 'trailers',
        authorization: `Bearer ${token}`,
      });
      const ended = (headers: Record<string, unknown>) => {
        if (headers['grpc-status'] !== undefined) {
          reject(new Error(`${headers['grpc-status']}: ${decodeURIComponent(String(headers['grpc-message'] ?? ''))}`));
        }
      };
      stream.on('response', ended).on('trailers', ended).on('error', reject);
      stream.on('close', () => reject(new Error('the stream ended without the secrets')));
      const request = create(DeltaDiscoveryRequestSchema, {
        node: { id },
        typeUrl: secretType,
        resourceNamesSubscribe: ['identity', 'root'],
      });
      const body = toBinary(DeltaDiscoveryRequestSchema, request);
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(body.length, 1);
      stream.write(Buffer.concat([prefix, body]));
      let received = Buffer.alloc(0);
      const pem: { certificate?: Buffer; key?: Buffer; root?: Buffer } = {};
      stream.on('data', (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        for (; received.length >= 5 && received.length >= 5 + received.readUInt32BE(1); ) {
          const length = received.readUInt32BE(1);
          const response = fromBinary(DeltaDiscoveryResponseSchema, received.subarray(5, 5 + length));
          received = received.subarray(5 + length);
          for (const { resource } of response.resources) {
            if (!resource) continue;
            const { type } = fromBinary(SecretSchema, resource.value);
            if (type.case === 'tlsCertificate') {
              pem.certificate = inline(type.value.certificateChain);
              pem.key = inline(type.value.privateKey);
            } else if (type.case === 'validationContext') {
              pem.root = inline(type.value.trustedCa);
            }
          }
        }
        const { certificate, key, root: trusted } = pem;
        if (certificate && key && trusted) resolve({ certificate, key, root: trusted });
      });
    });
  } finally {
    session.destroy();
  }
}

function inline(source: { specifier: { case?: string | undefined; value?: unknown } } | undefined): Buffer {
  const { case: kind, value } = source?.specifier ?? {};
  if (kind === 'inlineBytes' && value instanceof Uint8Array) return Buffer.from(value);
  if (kind === 'inlineString' && typeof value === 'string') return Buffer.from(value);
  throw new Error(`a secret's PEM is inline, not ${kind}`);
}
