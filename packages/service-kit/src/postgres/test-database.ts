import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevPostgres, startPostgres } from '@weft/dev-postgres';
import { createLogger } from '../log/logger.ts';
import type { ConnectionOptions } from './connection-options.ts';
import type { Database } from './database.ts';
import { postgres } from './postgres.ts';

/** A PostgreSQL of a test's own. For the kit's tests. */
export interface TestDatabase {
  readonly server: DevPostgres;
  readonly directory: string;
  readonly connection: ConnectionOptions;
  /** Lines that the databases below have logged. */
  readonly lines: string[];
  /** A pool on the schema "kit", as one replica has it. Without migrations it knows only the kit's own. */
  open(options?: { migrations?: string; maxConnections?: number; schema?: string }): Database;
  /** Ends the server and removes its data. */
  remove(): Promise<void>;
}

/** Starts PostgreSQL in a temporary directory with the role "kit". */
export async function startTestDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'weft-kit-'));
  const server = await startPostgres({ dataDir: join(directory, 'data') });
  const { user, password, database } = await server.provision({ role: 'kit' });
  const connection = { host: server.host, port: server.port, user, password, database, tls: false };
  const lines: string[] = [];
  await mkdir(join(directory, 'no-migrations'));
  const opened: Database[] = [];
  return {
    server,
    directory,
    connection,
    lines,
    open({ migrations = join(directory, 'no-migrations'), schema = 'kit', ...options } = {}) {
      const log = createLogger({ write: (line) => void lines.push(line) });
      const db = postgres({ schema, migrations, connection, log, ...options });
      opened.push(db);
      return db;
    },
    async remove() {
      await Promise.all(opened.map((db) => db.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
