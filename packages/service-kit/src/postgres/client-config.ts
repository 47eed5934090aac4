import type pg from 'pg';
import type { ConnectionOptions } from './connection-options.ts';

/** How long to wait for a connection, whether for its turn in the pool or for the server. */
const connectTimeoutMs = 5_000;

/**
 * How pg connects with these options: the same for the pool and for a connection beside it, such as one that listens. `name`: what
 * PostgreSQL shows as the application.
 */
export function clientConfig(connection: ConnectionOptions, name: string): pg.ClientConfig {
  const { host, port, user, password, database, tls } = connection;
  return {
    host,
    port,
    user,
    password,
    database,
    ssl: tls ? { rejectUnauthorized: true } : false,
    application_name: name,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  };
}
