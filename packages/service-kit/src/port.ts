import { once } from 'node:events';
import { createServer as createHttp1Server } from 'node:http';
import { constants, createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HttpListener } from './connect-path.ts';
import { type GrpcHandler, http2Options, refuseStream } from './grpc/handler.ts';
import { headersTooLarge } from './grpc/header-limit.ts';
import type { Limits } from './grpc/limits.ts';
import type { WaitingBytes } from './grpc/waiting-bytes.ts';
import { parseAddress, removeStaleSocket } from './listen-address.ts';
import { WatchedSession } from './watched-session.ts';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** So many bytes tell HTTP/2 from a request of HTTP/1.1: no method is called "PRI * HTTP/2.0". */
const tellingBytes = 14;

/** How often limits of time are looked at. */
const sweepMs = 1_000;

/** Longer than the peers', usually: whoever closes first may cut off a request that is on its way. */
const keepAliveMs = 120_000;

/** A peer that is told of the end answers a PING well within this, or is gone. */
const lastPingMs = 1_000;

const maxStreamId = 2 ** 31 - 1;

/** Who answers what comes in on a port. */
export interface PortHandlers {
  /** Calls of gRPC over HTTP/2. */
  readonly grpc: GrpcHandler;
  /** All other requests, of HTTP/1.1 and HTTP/2. */
  readonly http: HttpListener;
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

/** Listens on `address`. Rejects when it is taken. `waiting`: where the handlers count what waits on each connection. */
export async function openPort(
  address: string,
  handlers: PortHandlers,
  limits: Limits,
  waiting: WaitingBytes,
): Promise<Port> {
  const sessions = new Set<WatchedSession>();
  const sockets = new Set<Socket>();
  const http2 = createHttp2Server(http2Options(limits));
  const compat = createHttp2Server(handlers.http);
  const http1 = createHttp1Server(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      keepAliveTimeout: keepAliveMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: 0, // A stream may take long; its messages may not.
      connectionsCheckingInterval: sweepMs,
    },
    handlers.http,
  );
  // It never listens itself, and its timeouts begin with this event.
  http1.emit('listening');
  http1.on('clientError', refuse);
  // Connections that have said nothing yet, or HTTP/1.1 between two requests. http1.closeIdleConnections() knows only those of
  // a server that listens itself.
  const quiet = new Set<Socket>();
  let closing = false;

  const watch = (session: ServerHttp2Session, socket: Socket) => {
    const watched = new WatchedSession(session, socket, waiting.of(session), limits);
    sessions.add(watched);
    session.on('close', () => sessions.delete(watched));
    session.on('error', () => {}); // The socket closes; each of its calls is told.
  };
  http2.on('stream', (stream, headers, flags, rawHeaders) => {
    if (isGrpc(headers['content-type'])) handlers.grpc(stream, headers, flags, rawHeaders);
    else if (headersTooLarge(rawHeaders, limits) !== undefined) refuseStream(stream, 431);
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

  const sweep = setInterval(() => {
    const nowMs = performance.now();
    handlers.grpc.sweep(nowMs);
    handlers.http.sweep(nowMs);
    for (const watched of sessions)
      if (watched.sweep(nowMs)) {
        sessions.delete(watched);
        void closeSession(watched.session);
      }
  }, sweepMs);
  sweep.unref();
  const makeRoom = (): boolean => {
    const [oldest] = quiet;
    if (oldest) {
      oldest.destroy();
      return true;
    }
    const idle = [...sessions].filter(({ idleSinceMs }) => idleSinceMs !== undefined);
    const longest = idle.sort((a, b) => (a.idleSinceMs ?? 0) - (b.idleSinceMs ?? 0))[0];
    longest?.session.destroy();
    return longest !== undefined;
  };

  const server = createServer({ noDelay: true }, (socket) => {
    if (sockets.size >= limits.maxConnections && !makeRoom()) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    quiet.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      quiet.delete(socket);
    });
    socket.on('error', () => socket.destroy());
    sniff(socket, limits.headersTimeoutMs, (isHttp2) => {
      if (!isHttp2) {
        http1.emit('connection', socket);
        return;
      }
      quiet.delete(socket);
      http2.once('session', (session) => watch(session, socket));
      http2.emit('connection', socket);
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
      await Promise.all([...sessions].map(({ session }) => closeSession(session)));
      await closed;
      clearInterval(sweep);
      http1.close();
    },
    destroy() {
      // With an error: some clients wait for ever for a call that has ended in good order without an answer.
      for (const { session } of sessions) session.destroy(undefined, constants.NGHTTP2_CANCEL);
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
function sniff(socket: Socket, timeoutMs: number, decided: (isHttp2: boolean) => void): void {
  let seen: Buffer = Buffer.alloc(0);
  const stop = () => clearTimeout(timer);
  const onReadable = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const compared = Math.min(seen.length, tellingBytes);
    const maybeHttp2 = seen.subarray(0, compared).equals(preface.subarray(0, compared));
    if (maybeHttp2 && compared < tellingBytes) return;
    socket.off('readable', onReadable);
    socket.off('close', stop);
    stop();
    socket.unshift(seen);
    decided(maybeHttp2);
  };
  const timer = setTimeout(() => socket.destroy(), timeoutMs);
  socket.on('close', stop);
  socket.on('readable', onReadable);
}

/** What a request of HTTP/1.1 that cannot be read is told. Bytes that are no HTTP at all get no answer in it. */
function refuse(error: Error & { readonly code?: string }, socket: Duplex): void {
  const status = refusals[error.code ?? ''] ?? '400 Bad Request';
  if (error.code === 'ECONNRESET' || error.code === 'HPE_INVALID_METHOD' || !socket.writable) socket.destroy();
  else socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`, () => socket.destroy());
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/**
 * Says first that the end is near and only after a round trip which calls are the last, so that none that is on its way is
 * refused (RFC 9113, 6.8). Resolves when the last call has ended.
 */
async function closeSession(session: ServerHttp2Session): Promise<void> {
  if (session.destroyed) return;
  const closed = new Promise<void>((resolve) => session.once('close', () => resolve()));
  session.goaway(constants.NGHTTP2_NO_ERROR, maxStreamId);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, lastPingMs);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.destroyed || !session.ping(done)) done();
  });
  if (!session.destroyed) session.close();
  await closed;
}
