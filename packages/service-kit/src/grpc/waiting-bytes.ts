import type { Http2Session } from 'node:http2';
import type { ConnectionLimits } from './connection-limits.ts';
import { GrpcError, grpcCode } from './status.ts';

type ByteLimits = Pick<ConnectionLimits, 'maxConnectionBytes' | 'maxWaitingBytes'>;

/** What is known of one connection. */
export interface ConnectionState {
  /** Bytes that wait, of all calls. */
  waiting: number;
  /** Calls under way. */
  calls: number;
  /** Bytes of requests' bodies since the connection was made. */
  received: number;
}

/** Counts what waits in a server, for each connection and for all. */
export class WaitingBytes {
  readonly #limits: ByteLimits;
  readonly #connections = new WeakMap<object, ConnectionState>();
  #all = 0;

  constructor(limits: ByteLimits) {
    this.#limits = limits;
  }

  /** The state of a connection: a session of HTTP/2, or a socket of HTTP/1.1. */
  of(connection: Http2Session | object): ConnectionState {
    let state = this.#connections.get(connection);
    if (!state) {
      state = { waiting: 0, calls: 0, received: 0 };
      this.#connections.set(connection, state);
    }
    return state;
  }

  /** Whether so much waits on the connection that those who take nothing have to go soon. */
  isPressed(state: ConnectionState): boolean {
    return state.waiting > this.#limits.maxConnectionBytes / 2 || this.#all > this.#limits.maxWaitingBytes / 2;
  }

  /** Notes that a call holds `bytes` more, or less. Throws GrpcError RESOURCE_EXHAUSTED, with nothing noted, where that is too much. */
  add(state: ConnectionState, bytes: number): void {
    const { maxConnectionBytes, maxWaitingBytes } = this.#limits;
    if (bytes > 0 && state.waiting + bytes > maxConnectionBytes)
      throw tooMuch('on this connection', maxConnectionBytes);
    if (bytes > 0 && this.#all + bytes > maxWaitingBytes) throw tooMuch('in this server', maxWaitingBytes);
    state.waiting += bytes;
    this.#all += bytes;
  }
}

function tooMuch(where: string, maxBytes: number): GrpcError {
  return new GrpcError(
    grpcCode.resourceExhausted,
    `the requests and answers that wait ${where} must be at most ${maxBytes} bytes together`,
  );
}
