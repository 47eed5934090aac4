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
import { parseAddress } from './listen-address.ts';

type SessionManager = NonNullable<GrpcTransportOptions['sessionManager']>;

/**
 * The connection of this process to its sidecar, made when it is needed and again when it has ended. All clients share it:
 * the name of the callee is in each request. It does not keep a process alive that waits for no answer.
 */
export class OutboundSession {
  readonly #address: string;
  #session: ClientHttp2Session | undefined;

  constructor(address: string) {
    parseAddress(address);
    this.#address = address;
  }

  /** For one callee: requests name `authority`. */
  forAuthority(authority: string): SessionManager {
    return {
      authority: `http://${authority}`,
      request: async (method, path, headers) =>
        this.#request({ ...headers, ':method': method, ':path': path, ':authority': authority, ':scheme': 'http' }),
      notifyResponseByteRead: () => {},
    };
  }

  #request(headers: OutgoingHttpHeaders): ClientHttp2Stream {
    const session = this.#connected();
    const stream = session.request(headers);
    cancelWithoutEnd(stream);
    session.ref();
    const streams = streamsOf.get(session);
    streams?.add(stream);
    stream.on('close', () => {
      streams?.delete(stream);
      if (streams?.size === 0 && !session.destroyed) session.unref();
    });
    return stream;
  }

  #connected(): ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
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
    streamsOf.set(session, streams);
    const forget = () => {
      if (this.#session === session) this.#session = undefined;
    };
    session.on('error', forget); // Each stream is told itself.
    session.on('goaway', forget); // Calls under way end on it; new ones go to the next.
    session.on('close', forget);
    this.#session = session;
    return session;
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

const streamsOf = new WeakMap<ClientHttp2Session, Set<ClientHttp2Stream>>();
const sessions = new Map<string, OutboundSession>();

/** The connection to `address`, one for the process. */
export function outboundSession(address: string): OutboundSession {
  let session = sessions.get(address);
  if (!session) {
    session = new OutboundSession(address);
    sessions.set(address, session);
  }
  return session;
}
