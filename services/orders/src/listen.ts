import { type ConnectionOptions, clientConfig, Outage } from '@weft/service-kit';
import pg from 'pg';
import type { Logger } from 'pino';
import { type Backoff, backoffMs } from './backoff.ts';

/** What to listen for. */
export interface ListenOptions {
  readonly channels: readonly string[];
  readonly onNotification: (channel: string, payload: string) => void;
  /** The connection was made, for the first time or again: notifications before now may have been missed. */
  readonly onConnected: () => void;
  readonly connection: ConnectionOptions;
  readonly log: Logger;
}

const reconnect: Backoff = { baseMs: 100, maxMs: 5_000 };

/**
 * Listens on one connection of its own, made again whenever it is lost, until the returned function is called. A pooled
 * connection would not do: it belongs to whoever borrows it next.
 */
export function listen(options: ListenOptions): () => Promise<void> {
  const { channels, onNotification, onConnected, connection, log } = options;
  let closed = false;
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let failures = 0;
  const outage = new Outage(log, 'nothing is listened to');

  const connect = async () => {
    const mine = new pg.Client(clientConfig(connection, 'orders listen'));
    client = mine;
    // Emitted once when a connection that was made is lost; a failed connect rejects instead.
    mine.on('error', (error) => outage.failed(error));
    mine.on('end', () => again());
    mine.on('notification', ({ channel, payload }) => onNotification(channel, payload ?? ''));
    try {
      await mine.connect();
      for (const channel of channels) await mine.query(`listen ${mine.escapeIdentifier(channel)}`);
      failures = 0;
      outage.over();
      onConnected();
    } catch (error) {
      if (!closed) outage.failed(error);
      await mine.end().catch(() => {});
      again();
    }
  };
  const again = () => {
    if (closed || retry !== undefined) return;
    failures += 1;
    retry = setTimeout(
      () => {
        retry = undefined;
        void connect();
      },
      backoffMs(reconnect, failures),
    );
  };

  const connecting = connect();
  return async () => {
    closed = true;
    clearTimeout(retry);
    await connecting;
    await client?.end().catch(() => {});
  };
}
