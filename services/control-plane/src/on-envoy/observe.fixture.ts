import { once } from 'node:events';
import { connect, createServer, type IncomingHttpHeaders } from 'node:http2';

/** What one call came to. */
interface Outcome {
  /** HTTP status; a gRPC failure without a body is 200. */
  readonly http: number;
  /** gRPC status; -1: none, as REST answers have. */
  readonly grpc: number;
}

/** An application that answers every method, late or with a failure when a header asks for it, and counts what it was asked. */
export class Bakery {
  readonly #server = createServer();
  /** Calls by their id. */
  readonly #tries = new Map<string, number>();

  constructor() {
    this.#server.on('stream', (stream, headers) => {
      const id = String(headers['x-call']);
      this.#tries.set(id, (this.#tries.get(id) ?? 0) + 1);
      stream.on('error', () => undefined);
      stream.resume();
      const grpc = { ':status': 200, 'content-type': 'application/grpc' };
      if (headers['x-fail'] !== undefined) {
        stream.respond({ ...grpc, 'grpc-status': '14', 'grpc-message': 'the oven is cold' }, { endStream: true });
        return;
      }
      const answer = () => {
        if (stream.destroyed) return;
        stream.respond(grpc, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.alloc(5));
      };
      const timer = setTimeout(answer, Number(headers['x-slow'] ?? 0));
      stream.on('close', () => clearTimeout(timer));
    });
  }

  async listen(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  tries(id: string): number {
    return this.#tries.get(id) ?? 0;
  }

  close(): void {
    this.#server.close();
  }
}

/** What a caller sees of one method, by real calls. Whatever it may not call has only `allowed: false`. */
export interface Observation {
  readonly allowed: boolean;
  /** How often the application sees a call that always fails with UNAVAILABLE. */
  readonly tries?: number;
  /** Whether a call that takes `slowMs` is answered. */
  readonly slow?: boolean;
  /** Whether one of many calls at once is refused because there are too many. */
  readonly limited?: boolean;
}

/** Longer than the shortest deadline of the recorded changes, and shorter than all others. */
const slowMs = 600;
/** More than the lowest rate limit of the recorded changes. */
const burst = 4;
let calls = 0;

/** Calls a method through the sidecar or edge at `port`. */
export async function observe(port: number, authority: string, method: string, bakery: Bakery): Promise<Observation> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const grpc = async (headers: Record<string, string> = {}): Promise<Outcome & { id: string }> => {
    const id = String(++calls);
    const stream = session.request({
      ':method': 'POST',
      ':path': `/${method}`,
      ':authority': authority,
      'content-type': 'application/grpc',
      te: 'trailers',
      'x-call': id,
      ...headers,
    });
    stream.end(Buffer.alloc(5));
    let head: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    stream.on('response', (received) => {
      head = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.resume();
    await once(stream, 'close');
    return { id, http: Number(head[':status']), grpc: Number(trailers['grpc-status'] ?? head['grpc-status'] ?? -1) };
  };
  try {
    if ((await grpc()).grpc !== 0) return { allowed: false };
    const many = await Promise.all(Array.from({ length: burst }, () => grpc()));
    if (many.some((outcome) => outcome.grpc === 8)) return { allowed: true, limited: true };
    const [failing, late] = await Promise.all([grpc({ 'x-fail': '1' }), grpc({ 'x-slow': String(slowMs) })]);
    return { allowed: true, limited: false, tries: bakery.tries(failing.id), slow: late.grpc === 0 };
  } finally {
    session.destroy();
  }
}

/** Whether the edge answers a REST path. */
export async function answersRest(port: number, verb: string, template: string): Promise<boolean> {
  const path = template.replaceAll(/\{[^}]*\}/g, 'rye');
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: verb });
  await response.arrayBuffer();
  return response.status === 200;
}
