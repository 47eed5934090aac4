import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import type { GrpcTransportOptions } from '@connectrpc/connect-node';
import { headersTooLarge } from './grpc/header-limit.ts';
import { defaultLimits } from './grpc/limits.ts';
import { parseAddress } from './listen-address.ts';

type SessionManager = NonNullable<GrpcTransportOptions['sessionManager']>;

/** Streams that a connection is thought to have room for until its peer has said. Envoy allows 1,024. */
const assumedStreams = 1_000;

/** Connections to one sidecar at most. With Envoy's limit that is room for 16,384 calls at once. */
export const maxOutboundConnections = 16;

/** A connection with the calls that are under way on it. */
interface Connection {
  readonly session: ClientHttp2Session;
  readonly streams: Set<ClientHttp2Stream>;
  maxStreams: number;
}

/**
 * The connections of this process to its sidecar, made when they are needed and again when they have ended. All clients share them:
 * the name of the callee is in each request. One is enough until it carries as many calls as its peer allows; a call then goes to
 * another one and never waits for a place. They do not keep a process alive that waits for no answer.
 */
export class OutboundSession {
  readonly #address: string;
  readonly #connections = new Set<Connection>();

  constructor(address: string) {
    parseAddress(address);
    this.#address = address;
  }

  /** For one callee: requests name `authority`. They fail with RESOURCE_EXHAUSTED while all connections are full. */
  forAuthority(authority: string): SessionManager {
    return {
      authority: `http://${authority}`,
      request: async (method, path, headers) =>
        this.#request({ ...headers, ':method': method, ':path': path, ':authority': authority, ':scheme': 'http' }),
      notifyResponseByteRead: () => {},
    };
  }

  #request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    // Answered here: a codec on the way would reset the stream, which says nothing.
    const tooLarge = headersTooLarge(Object.entries(headers).flat().map(String), defaultLimits);
    if (tooLarge !== undefined) throw new ConnectError(tooLarge, Code.ResourceExhausted);
    const connection = this.#withRoom();
    const { session, streams } = connection;
    const stream = session.request(headers);
    cancelWithoutEnd(stream);
    session.ref();
    streams.add(stream);
    stream.on('close', () => {
      streams.delete(stream);
      if (streams.size > 0 || session.destroyed) return;
      session.unref();
      // The first one stays; the others are for more calls at once than it has room for.
      const [first] = this.#connections;
      if (this.#connections.has(connection) && first !== connection) session.close();
    });
    return stream;
  }

  #withRoom(): Connection {
    for (const connection of this.#connections) {
      const { session, streams, maxStreams } = connection;
      if (session.closed || session.destroyed) this.#connections.delete(connection);
      else if (streams.size < maxStreams) return connection;
    }
    if (this.#connections.size < maxOutboundConnections) return this.#connect();
    const calls = [...this.#connections].reduce((sum, { streams }) => sum + streams.size, 0);
    const message = `${calls} calls by way of ${this.#address} must end before another one: ${maxOutboundConnections} connections are full`;
    throw new ConnectError(message, Code.ResourceExhausted);
  }

  #connect(): Connection {
    const streams = new Set<ClientHttp2Stream>();
    const socket = connectSocket({ ...parseAddress(this.#address), noDelay: true });
    // Before node:http2 hears of it, for which the end of a connection is the caller's own cancellation.
    const broken = (error?: unknown) => {
      const reason = `the connection to ${this.#address} has ended`;
      for (const stream of streams)
        stream.destroy(new ConnectError(reason, Code.Unavailable, undefined, undefined, error));
    };
    socket.on('error', broken);
    socket.on('close', () => broken());
    const session = connect('http://outbound', { createConnection: () => socket });
    const connection: Connection = { session, streams, maxStreams: assumedStreams };
    const forget = () => this.#connections.delete(connection);
    session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      connection.maxStreams = maxConcurrentStreams ?? assumedStreams;
    });
    session.on('error', forget); // Each stream is told itself.
    session.on('goaway', forget); // Calls under way end on it; new ones go to the next.
    session.on('close', forget);
    this.#connections.add(connection);
    return connection;
  }
}

/** node:http2 ends a request before it resets it: the callee would take half of a cancelled stream for all of it. */
function cancelWithoutEnd(stream: ClientHttp2Stream): void {
  const close = stream.close.bind(stream);
  stream.close = (code, callback) => {
    if (code === constants.NGHTTP2_CANCEL) stream._final = (done) => done();
    close(code, callback);
  };
}

const sessions = new Map<string, OutboundSession>();

/** The connections to `address`, the same for the whole process. */
export function outboundSession(address: string): OutboundSession {
  let session = sessions.get(address);
  if (!session) {
    session = new OutboundSession(address);
    sessions.set(address, session);
  }
  return session;
}
