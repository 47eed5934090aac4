import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DevPostgres, startPostgres } from '@weft/dev-postgres';
import { type Database, postgres } from '@weft/service-kit';

/** A PostgreSQL of a test's own, with the schema of this service in it. */
export interface TestDatabase {
  readonly server: DevPostgres;
  readonly db: Database;
  /** Another pool on the same schema, as another replica has it. */
  open(): Database;
  /** Ends the server and removes its data. */
  remove(): Promise<void>;
}

// Tests look at answers; LOG_LEVEL=warn shows what was logged meanwhile.
process.env.LOG_LEVEL ??= 'silent';

/** Starts PostgreSQL in a temporary directory and migrates the schema "orders". Points libpq's variables at it. */
export async function startTestDatabase(): Promise<TestDatabase> {
  const directory = await mkdtemp(join(tmpdir(), 'shop-orders-'));
  const server = await startPostgres({ dataDir: join(directory, 'data') });
  const { env } = await server.provision({ role: 'orders' });
  Object.assign(process.env, env);
  const opened: Database[] = [];
  const open = () => {
    const db = postgres({ schema: 'orders', migrations: new URL('../../migrations/', import.meta.url) });
    opened.push(db);
    return db;
  };
  const db = open();
  await db.migrate();
  return {
    server,
    db,
    open,
    async remove() {
      await Promise.all(opened.map((pool) => pool.close()));
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
