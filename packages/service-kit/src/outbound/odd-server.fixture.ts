import { once } from 'node:events';
import { createServer, type ServerHttp2Session, type ServerHttp2Stream, type ServerOptions } from 'node:http2';
import type { Socket } from 'node:net';

/** A server of HTTP/2 that answers as it is told, and knows which of its streams are open. */
export interface OddServer {
  readonly address: string;
  readonly streams: ReadonlySet<ServerHttp2Stream>;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
  /** Resolves when no stream is open. */
  idle(): Promise<void>;
  /** Breaks the connections, and listens no more. */
  close(): Promise<void>;
}

/** `port`: default: a free one. */
export async function oddServer(
  answer: (stream: ServerHttp2Stream) => void,
  { port = 0, ...options }: ServerOptions & { readonly port?: number } = {},
): Promise<OddServer> {
  const streams = new Set<ServerHttp2Stream>();
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const server = createServer(options);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  server.on('stream', (stream) => {
    streams.add(stream);
    stream.on('error', () => {});
    stream.on('close', () => streams.delete(stream));
    stream.resume();
    answer(stream);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    address: `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    streams,
    sessions,
    async idle() {
      while (streams.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The headers of an answer. */
export const head = { ':status': 200, 'content-type': 'application/grpc' };

/** Answers with these bytes and, unless they are left out, trailers. */
export function answerWith(
  stream: ServerHttp2Stream,
  body: Uint8Array,
  trailers: Readonly<Record<string, string>> | undefined = { 'grpc-status': '0' },
  headers: Readonly<Record<string, string | number>> = {},
): void {
  stream.respond({ ...head, ...headers }, { waitForTrailers: true });
  stream.on('wantTrailers', () => (Object.keys(trailers).length > 0 ? stream.sendTrailers(trailers) : stream.close()));
  stream.end(body);
}

/** Resets a stream; node:http2 itself would end it before. */
export function reset(stream: ServerHttp2Stream, code: number): void {
  stream._final = (done) => done();
  stream.close(code);
}
