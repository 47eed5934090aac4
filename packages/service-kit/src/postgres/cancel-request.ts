import { once } from 'node:events';
import { connect } from 'node:net';
import type { PoolClient } from 'pg';

/**
 * Asks the server to cancel what `client` runs, over a connection of its own (PostgreSQL protocol, CancelRequest). Resolves
 * when the server has passed it on, which says nothing of whether it came in time; rejects when there is no server.
 */
export async function cancelRequest(client: PoolClient, host: string, port: number): Promise<void> {
  // Not in pg's types, though pg's own Client.cancel() reads both.
  if (!('processID' in client) || !('secretKey' in client)) return;
  const { processID, secretKey } = client;
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return;
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(80_877_102, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey, 12);
  // Never answered, so plain text is enough even where sessions must use TLS, as in libpq's PQcancel.
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  socket.setTimeout(2_000, () => socket.destroy());
  socket.end(message);
  socket.resume();
  await once(socket, 'close');
}
