import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DevPostgres } from '@weft/dev-postgres';
import { createLogger } from '../log/logger.ts';
import type { ConnectionOptions } from '../postgres/connection-options.ts';
import type { Database } from '../postgres/database.ts';
import { postgres } from '../postgres/postgres.ts';

/** Whose schema a test needs. */
export interface TestDatabaseOptions {
  /** The schema, and the role that owns it. */
  readonly schema: string;
  /** The service's own migrations. Default: none. */
  readonly migrations?: URL | string;
}

/** A private PostgreSQL for a test: a real server in a temporary directory. */
export interface TestDatabase {
  readonly server: DevPostgres;
  readonly directory: string;
  readonly connection: ConnectionOptions & { readonly password: string };
  /** Lines that the pools below have logged. */
  readonly lines: readonly string[];
  /** A pool on the schema, migrated. */
  readonly db: Database;
  /** Another pool, like that of another replica, which has not migrated. */
  open(options?: { migrations?: URL | string; maxConnections?: number; schema?: string }): Database;
  /** Stops the server and removes its data. */
  remove(): Promise<void>;
}

/**
 * Starts PostgreSQL with one role and its schema, and migrates it. libpq's variables of this process point at it from then on. Needs
 * @weft/dev-postgres, which production code does not depend on.
 */
export async function startTestDatabase(options: TestDatabaseOptions): Promise<TestDatabase> {
  // Only here: other tests need no PostgreSQL.
  const { startPostgres } = await import('@weft/dev-postgres');
  const directory = await mkdtemp(join(tmpdir(), `weft-${options.schema}-`));
  const server = await startPostgres({ dataDir: join(directory, 'data') });
  const { env, user, password, database } = await server.provision({ role: options.schema });
  Object.assign(process.env, env);
  const connection = { host: server.host, port: server.port, user, password, database, tls: false };
  const noMigrations = join(directory, 'no-migrations');
  await mkdir(noMigrations);
  const lines: string[] = [];
  const opened: Database[] = [];
  const open: TestDatabase['open'] = ({ schema = options.schema, migrations, ...rest } = {}) => {
    const log = createLogger({ write: (line) => void lines.push(line) });
    const files = migrations ?? options.migrations ?? noMigrations;
    const db = postgres({ schema, migrations: files, connection, log, ...rest });
    opened.push(db);
    return db;
  };
  const db = open();
  await db.migrate();
  return {
    server,
    directory,
    connection,
    lines,
    db,
    open,
    async remove() {
      await Promise.all(opened.map((pool) => pool.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
