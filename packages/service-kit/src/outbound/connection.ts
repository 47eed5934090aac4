import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { Code, ConnectError } from '@connectrpc/connect';
import { parseAddress } from '../listen-address.ts';

/** How long a peer may take to accept a connection and say its settings, as in gRPC Core ("min_connect_timeout"). */
export const openTimeoutMs = 20_000;

/** HTTP/2 numbers streams up to 2^31, every other one of them the client's. A connection ends in good order before that. */
const maxRequests = 2 ** 30 - 1_000;

/** What a connection carries. */
export interface Carried {
  /** Told when the connection has ended. */
  fail(error: ConnectError): void;
}

/** What is told of a connection. */
export interface ConnectionEvents {
  /** The peer has said how many calls it allows, for the first time or again. */
  onSettings(connection: Connection): void;
  /** No call may begin on it anymore. `error`: it is broken. */
  onGone(connection: Connection, error: ConnectError | undefined): void;
  /** It carries no call anymore. */
  onIdle(connection: Connection): void;
}

/** One connection to the sidecar. It keeps the process alive while it is awaited or carries calls. */
export class Connection {
  /** Calls at once that the peer allows; 0 until it has said so. */
  maxStreams = 0;
  readonly #address: string;
  readonly #session: ClientHttp2Session;
  readonly #events: ConnectionEvents;
  readonly #calls = new Set<Carried>();
  readonly #openTimer: NodeJS.Timeout;
  #requests = 0;
  #failure: ConnectError | undefined;

  constructor(address: string, events: ConnectionEvents) {
    this.#address = address;
    this.#events = events;
    const socket = connectSocket({ ...parseAddress(address), noDelay: true });
    const ended = (cause?: unknown) => this.#fail(this.#ended(cause));
    // Before node:http2 hears of it, for which the end of a connection is the caller's own cancellation.
    socket.on('error', ended);
    socket.on('close', () => ended());
    this.#openTimer = setTimeout(() => {
      ended(new Error(`${address} has not said its HTTP/2 settings within ${openTimeoutMs} ms`));
      this.#session.destroy();
    }, openTimeoutMs).unref();
    this.#session = connect('http://outbound', { createConnection: () => socket, settings: { enablePush: false } });
    this.#session.on('error', ended);
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      clearTimeout(this.#openTimer);
      this.maxStreams = maxConcurrentStreams ?? Number.POSITIVE_INFINITY;
      this.#events.onSettings(this);
    });
    // Calls under way end on it; new ones go to another.
    this.#session.on('goaway', () => this.#events.onGone(this, undefined));
  }

  /** Why it is broken; undefined while it is not. `cause`: what a stream was told of it, before the socket was. */
  failureNow(cause: unknown): ConnectError | undefined {
    return this.#session.destroyed ? (this.#failure ?? this.#ended(cause)) : this.#failure;
  }

  get callCount(): number {
    return this.#calls.size;
  }

  get hasRoom(): boolean {
    return this.#calls.size < this.maxStreams && this.isOpen;
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  #ended(cause: unknown): ConnectError {
    return new ConnectError(
      `the connection to ${this.#address} has ended`,
      Code.Unavailable,
      undefined,
      undefined,
      cause,
    );
  }

  /** Begins a stream for `call`. Throws what node:http2 throws. */
  request(headers: OutgoingHttpHeaders, call: Carried): ClientHttp2Stream {
    const stream = this.#session.request(headers);
    if (this.#calls.size === 0) this.#session.ref();
    this.#calls.add(call);
    if (++this.#requests >= maxRequests) {
      this.#session.close();
      this.#events.onGone(this, undefined);
    }
    return stream;
  }

  /** To be called when the stream of `call` has closed. */
  release(call: Carried): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0 || this.#session.destroyed) return;
    this.#session.unref();
    this.#events.onIdle(this);
  }

  /** Whether the process stays alive for it while it carries no call. */
  keepAlive(isAwaited: boolean): void {
    if (this.#session.destroyed) return;
    if (isAwaited) this.#session.ref();
    else if (this.#calls.size === 0) this.#session.unref();
  }

  /** Ends it when the calls under way have. */
  close(): void {
    this.#session.close();
  }

  #fail(error: ConnectError): void {
    if (this.#failure) return;
    this.#failure = error;
    clearTimeout(this.#openTimer);
    this.#events.onGone(this, error);
    for (const call of [...this.#calls]) call.fail(error);
  }
}

/** Takes back a request. node:http2 would end it before it resets it, and the callee would take half of a request for all of it. */
export function cancelStream(stream: ClientHttp2Stream): void {
  if (stream.destroyed || stream.closed) return;
  if (!stream.writableEnded) stream._final = (done) => done();
  stream.close(constants.NGHTTP2_CANCEL);
}
