import { once } from 'node:events';
import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { http2Options } from './grpc/handler.ts';
import type { Limits } from './grpc/limits.ts';
import { parseAddress, removeStaleSocket } from './listen-address.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** So many bytes tell HTTP/2 from a request of HTTP/1.1: no method is called "PRI * HTTP/2.0". */
const tellingBytes = 14;

/** A connection that says nothing for so long is closed. */
const firstBytesTimeoutMs = 60_000;

/** Longer than the peers', usually: whoever closes first may cut off a request that is on its way. */
const keepAliveMs = 120_000;

/** A peer answers a PING well within this, or is gone. */
const pingTimeoutMs = 1_000;

const maxStreamId = 2 ** 31 - 1;

/** Who answers what comes in on a port. */
export interface PortHandlers {
  /** Calls of gRPC over HTTP/2. */
  readonly grpc: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;
  /** All other requests, of HTTP/1.1 and HTTP/2. */
  readonly http: (
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
  ) => void;
}

/** One plain port for HTTP/1.1 and HTTP/2. */
export interface Port {
  /** Where it listens: "unix:/path" or "host:port", with the port that was chosen for 0. */
  readonly address: string;
  /** Takes no more connections and no more calls on those it has (GOAWAY); resolves when the last call has ended. */
  close(): Promise<void>;
  /** Ends all connections, whatever is under way on them. */
  destroy(): void;
}

/** Listens on `address`. Rejects when it is taken. */
export async function openPort(address: string, handlers: PortHandlers, limits: Limits): Promise<Port> {
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  const http2 = createHttp2Server(http2Options(limits));
  const compat = createHttp2Server(handlers.http);
  const http1 = createHttp1Server(
    { maxHeaderSize: limits.maxHeaderBytes, keepAliveTimeout: keepAliveMs },
    handlers.http,
  );
  // Connections that have said nothing yet, or HTTP/1.1 between two requests. http1.closeIdleConnections() knows only those of
  // a server that listens itself.
  const quiet = new Set<Socket>();
  let closing = false;

  http2.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {}); // The socket closes; each of its calls is told.
  });
  http2.on('stream', (stream, headers, flags, rawHeaders) => {
    if (isGrpc(headers['content-type'])) handlers.grpc(stream, headers);
    else compat.emit('stream', stream, headers, flags, rawHeaders);
  });
  http1.maxHeadersCount = limits.maxHeaders;
  // First of the listeners: an answer may be out when the second one is called.
  http1.prependListener('request', ({ socket }, response) => {
    quiet.delete(socket);
    if (closing) response.setHeader('connection', 'close');
    response.on('close', () => {
      if (closing) socket.end();
      else if (!socket.destroyed) quiet.add(socket);
    });
  });

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    quiet.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      quiet.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    sniff(socket, (isHttp2) => {
      if (isHttp2) quiet.delete(socket);
      (isHttp2 ? http2 : http1).emit('connection', socket);
    });
  });
  const listenOn = parseAddress(address);
  if (listenOn.path) await removeStaleSocket(listenOn.path);
  // A unix socket is for whoever may enter its directory: in a pod the sidecar runs as another user.
  server.listen({ ...listenOn, writableAll: true });
  await once(server, 'listening');

  return {
    address: addressOf(server.address()),
    async close() {
      closing = true;
      const closed = once(server, 'close');
      server.close();
      for (const socket of quiet) socket.destroy();
      await Promise.all([...sessions].map(closeSession));
      await closed;
    },
    destroy() {
      // With an error: some clients wait for ever for a call that has ended in good order without an answer.
      for (const session of sessions) session.destroy(undefined, constants.NGHTTP2_CANCEL);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function addressOf(bound: ReturnType<ReturnType<typeof createServer>['address']>): string {
  if (bound === null || typeof bound === 'string') return `unix:${bound}`;
  return bound.family === 'IPv6' ? `[${bound.address}]:${bound.port}` : `${bound.address}:${bound.port}`;
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType?.startsWith('application/grpc') === true && !contentType.startsWith('application/grpc-web');
}

/** Reads just enough to tell the protocol, and puts it back. */
function sniff(socket: Socket, decided: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, tellingBytes);
    const maybeHttp2 = seen.subarray(0, compared).equals(preface.subarray(0, compared));
    if (maybeHttp2 && compared < tellingBytes) return;
    socket.off('readable', onReadable);
    socket.setTimeout(0);
    socket.off('timeout', onTimeout);
    socket.unshift(seen);
    decided(maybeHttp2);
  };
  const onTimeout = () => socket.destroy();
  socket.setTimeout(firstBytesTimeoutMs, onTimeout);
  socket.on('readable', onReadable);
}

/**
 * Says first that the end is near and only after a round trip which calls are the last, so that none that is on its way is
 * refused (RFC 9113, 6.8). Resolves when the last call has ended.
 */
async function closeSession(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed) return;
  const closed = new Promise<void>((resolve) => session.once('close', () => resolve()));
  session.goaway(constants.NGHTTP2_NO_ERROR, maxStreamId);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, pingTimeoutMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.destroyed || !session.ping(done)) done();
  });
  if (!session.destroyed) session.close();
  await closed;
}
