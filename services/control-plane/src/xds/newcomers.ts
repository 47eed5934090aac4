import type { Socket } from 'node:net';
import type { XdsLimits } from './limits.ts';

type Bounds = Pick<XdsLimits, 'authenticateWithinMs' | 'maxNewcomers' | 'maxNewcomersPerAddress'>;

/** Why a connection was closed before it had shown a valid token. */
export type NewcomerEnd = 'too late' | 'too many';

/**
 * Connections that have not shown a valid token yet, whatever they have done instead: nothing, a TLS handshake, calls without a token.
 * Their number is bounded, for each address and all together, and each has its time.
 */
export class Newcomers {
  readonly #bounds: Bounds;
  readonly #onEnd: (address: string, why: NewcomerEnd) => void;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #sockets = new Map<string, Socket>();
  readonly #perAddress = new Map<string, number>();

  constructor(bounds: Bounds, onEnd: (address: string, why: NewcomerEnd) => void) {
    this.#bounds = bounds;
    this.#onEnd = onEnd;
  }

  /** Connections that are here and have not shown a token. */
  get size(): number {
    return this.#timers.size;
  }

  /** Takes a connection that was just accepted, or closes it. */
  arrived(socket: Socket): void {
    const { authenticateWithinMs, maxNewcomers, maxNewcomersPerAddress } = this.#bounds;
    const { remoteAddress: address = '' } = socket;
    const key = peerKey(socket);
    const here = this.#perAddress.get(address) ?? 0;
    if (this.#timers.size >= maxNewcomers || (here >= maxNewcomersPerAddress && !isLoopback(address))) {
      socket.destroy();
      this.#onEnd(address, 'too many');
      return;
    }
    this.#perAddress.set(address, here + 1);
    const late = () => {
      this.#onEnd(address, 'too late');
      socket.destroy();
    };
    this.#timers.set(key, setTimeout(late, authenticateWithinMs).unref());
    this.#sockets.set(key, socket);
    socket.once('close', () => this.#leave(key, address));
  }

  /** The connection has shown a valid token. */
  authenticated(peer: Peer): void {
    this.#leave(peerKey(peer), peer.remoteAddress ?? '');
  }

  /** Closes all of them. */
  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #leave(key: string, address: string): void {
    const timer = this.#timers.get(key);
    if (timer === undefined) return;
    clearTimeout(timer);
    this.#timers.delete(key);
    this.#sockets.delete(key);
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}

/** The other end of a connection. */
export type Peer = Pick<Socket, 'remoteAddress' | 'remotePort'>;

/** Of a TLS connection and of the TCP connection below it the same. */
function peerKey({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}

/** Only this machine's own processes come from there: with `weft up`, all proxies. */
function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address);
}
