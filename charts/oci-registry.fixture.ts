import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

/** A registry of OCI artifacts on loopback, in memory. */
export interface OciRegistry {
  /** "127.0.0.1:34567"; it speaks plain HTTP. */
  readonly address: string;
  /** Names with their tags: "charts/weft:0.1.0". */
  readonly tags: () => readonly string[];
  readonly close: () => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

const notFound: Answer = { status: 404 };
const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/**
 * Serves push and pull of the distribution specification, as much of it as a client needs that uploads each blob whole
 * (https://github.com/opencontainers/distribution-spec/blob/main/spec.md, end-1 to end-7).
 */
export async function startOciRegistry(): Promise<OciRegistry> {
  const blobs = new Map<string, Buffer>();
  const uploads = new Map<string, Buffer>();
  const manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  const tags = new Set<string>();

  async function answer(request: IncomingMessage): Promise<Answer> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://registry');
    if (pathname === '/v2/') return { status: 200 };
    const [, name = '', kind = '', reference = ''] =
      /^\/v2\/(.+)\/(blobs|blobs\/uploads|manifests)\/([^/]*)$/.exec(pathname) ?? [];
    const body = await buffer(request);
    const reads = request.method === 'GET' || request.method === 'HEAD';
    if (kind === 'manifests' && request.method === 'PUT') {
      const manifest = { type: request.headers['content-type'] ?? '', bytes: body };
      manifests.set(`${name}:${reference}`, manifest).set(`${name}:${digestOf(body)}`, manifest);
      if (!reference.startsWith('sha256:')) tags.add(`${name}:${reference}`);
      return created(`/v2/${name}/manifests/${reference}`, digestOf(body));
    }
    if (kind === 'manifests' && reads) {
      const manifest = manifests.get(`${name}:${reference}`);
      return manifest ? found(manifest.bytes, manifest.type) : notFound;
    }
    if (kind === 'blobs' && reads) {
      const blob = blobs.get(reference);
      return blob ? found(blob, 'application/octet-stream') : notFound;
    }
    if (kind === 'blobs/uploads' && request.method === 'POST') {
      const id = randomUUID();
      uploads.set(id, Buffer.alloc(0));
      return { status: 202, headers: { location: `/v2/${name}/blobs/uploads/${id}` } };
    }
    const upload = uploads.get(reference);
    if (kind !== 'blobs/uploads' || !upload) return notFound;
    const bytes = Buffer.concat([upload, body]);
    if (request.method === 'PATCH') {
      uploads.set(reference, bytes);
      return { status: 202, headers: { location: pathname, range: `0-${bytes.length - 1}` } };
    }
    const digest = digestOf(bytes);
    if (request.method !== 'PUT' || searchParams.get('digest') !== digest) return { status: 400 };
    blobs.set(digest, bytes);
    uploads.delete(reference);
    return created(`/v2/${name}/blobs/${digest}`, digest);
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, headers = {}, body }) => {
        response.writeHead(status, { 'content-length': body?.length ?? 0, ...headers });
        response.end(request.method === 'HEAD' ? undefined : body);
      },
      (error: Error) => response.destroy(error),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry has no port');
  return {
    address: `127.0.0.1:${address.port}`,
    tags: () => [...tags].sort(),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function created(location: string, digest: string): Answer {
  return { status: 201, headers: { location, 'docker-content-digest': digest } };
}

function found(body: Buffer, type: string): Answer {
  return { status: 200, headers: { 'content-type': type, 'docker-content-digest': digestOf(body) }, body };
}
