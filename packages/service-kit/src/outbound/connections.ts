import { Code, ConnectError } from '@connectrpc/connect';
import { parseAddress } from '../listen-address.ts';
import { type Carried, Connection } from './connection.ts';

/** Connections to one sidecar at most. With Envoy's limit of 1,024 that is room for 16,384 calls at once. */
export const maxOutboundConnections = 16;

/** A call that has no connection yet. */
export interface Placed extends Carried {
  /** Begins on `connection`, which has room. */
  begin(connection: Connection): void;
}

/**
 * The connections of this process to its sidecar, made when they are needed and again when they have ended. All clients share them:
 * the name of the callee is in each request. One is enough until it carries as many calls as its peer allows; a call then goes to
 * another one and never waits for the end of others. They do not keep a process alive that waits for no answer.
 */
export class OutboundConnections {
  readonly #address: string;
  readonly #ready = new Set<Connection>();
  readonly #opening = new Set<Connection>();
  readonly #waiting = new Set<Placed>();
  /** What the peer allows a connection, as far as it is known. */
  #maxStreams = Number.POSITIVE_INFINITY;

  constructor(address: string) {
    parseAddress(address);
    this.#address = address;
  }

  /** Has `call` begin on a connection with room, at once or when one is open. It fails with RESOURCE_EXHAUSTED while all are full. */
  place(call: Placed): void {
    const connection = this.#withRoom();
    const room = this.#opening.size === 0 ? 0 : this.#opening.size * this.#maxStreams;
    if (connection) call.begin(connection);
    else if (this.#waiting.size < room) this.#wait(call);
    else if (this.#ready.size + this.#opening.size < maxOutboundConnections) {
      this.#open();
      this.#wait(call);
    } else call.fail(this.#full());
  }

  /** Takes back a call that has not begun. */
  withdraw(call: Placed): void {
    if (this.#waiting.delete(call) && this.#waiting.size === 0) this.#keepAlive(false);
  }

  #withRoom(): Connection | undefined {
    for (const connection of this.#ready) {
      if (connection.hasRoom) return connection;
      if (!connection.isOpen) this.#ready.delete(connection);
    }
    return undefined;
  }

  #wait(call: Placed): void {
    if (this.#waiting.size === 0) this.#keepAlive(true);
    this.#waiting.add(call);
  }

  #open(): void {
    const connection = new Connection(this.#address, {
      onSettings: () => {
        this.#maxStreams = connection.maxStreams;
        if (!this.#opening.delete(connection)) return;
        this.#ready.add(connection);
        connection.keepAlive(false);
        const waiting = [...this.#waiting];
        this.#waiting.clear();
        for (const call of waiting) this.place(call);
      },
      onGone: (_, error) => this.#forget(connection, error),
      onIdle: () => {
        // The first one stays; the others are for more calls at once than it has room for.
        const [first] = this.#ready;
        if (this.#ready.has(connection) && first !== connection) connection.close();
      },
    });
    this.#opening.add(connection);
  }

  #forget(connection: Connection, error: ConnectError | undefined): void {
    this.#ready.delete(connection);
    // The others that are being opened take the calls that wait, or fail them.
    if (!this.#opening.delete(connection) || this.#opening.size > 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const reason = error ?? new ConnectError(`${this.#address} takes no calls`, Code.Unavailable);
    for (const call of waiting) call.fail(reason);
  }

  #keepAlive(isAwaited: boolean): void {
    for (const connection of this.#opening) connection.keepAlive(isAwaited);
  }

  #full(): ConnectError {
    const calls = [...this.#ready].reduce((sum, { callCount }) => sum + callCount, this.#waiting.size);
    const message = `${calls} calls by way of ${this.#address} must end before another one: ${maxOutboundConnections} connections are full`;
    return new ConnectError(message, Code.ResourceExhausted);
  }
}

const byAddress = new Map<string, OutboundConnections>();

/** The connections to `address`, the same for the whole process. */
export function outboundConnections(address: string): OutboundConnections {
  let connections = byAddress.get(address);
  if (!connections) {
    connections = new OutboundConnections(address);
    byAddress.set(address, connections);
  }
  return connections;
}
