import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from 'pino';
import { type Migration, MigrationError, readMigrations } from './migration-files.ts';

/** What to migrate. */
export interface MigrateOptions {
  readonly schema: string;
  readonly migrations: URL | string;
  readonly clientConfig: pg.ClientConfig;
  readonly log: Logger;
  /** Stops waiting for the lock, and between two files. */
  readonly signal?: AbortSignal;
}

/** What the kit itself keeps in a service's schema. */
const kitMigrations = new URL('./kit-migrations/', import.meta.url);

/**
 * Brings a schema up to date: first what the kit keeps there (recorded in kit_migrations), then the service's own files
 * (schema_migrations), one transaction a file. Replicas that start together take turns.
 *
 * @throws MigrationError when a file was changed after it was applied, or ends its transaction itself; pg's DatabaseError
 *   when a file fails, with everything before it applied and nothing of it.
 */
export async function migrate(options: MigrateOptions): Promise<void> {
  const { schema, signal, log } = options;
  const [kit, own] = await Promise.all([readMigrations(kitMigrations), readMigrations(options.migrations)]);
  signal?.throwIfAborted();
  const client = new pg.Client({ ...options.clientConfig, pipeline: false });
  // The statement under way rejects with the same error.
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(`set search_path to "${schema}"`);
    await lock(client, schema, signal);
    await applyAll(client, 'kit_migrations', kit, log, signal);
    await applyAll(client, 'schema_migrations', own, log, signal);
  } finally {
    // Ends the session and with it the lock.
    await client.end();
  }
}

async function lock(client: pg.Client, schema: string, signal: AbortSignal | undefined): Promise<void> {
  // Asked for again and again rather than waited for: a waiting statement holds a snapshot, on which
  // `create index concurrently` in whoever has the lock would wait in turn.
  for (;;) {
    const { rows } = await client.query<{ locked: boolean }>(
      "select pg_try_advisory_lock(hashtextextended('weft.migrate.' || $1, 0)) as locked",
      [schema],
    );
    if (rows[0]?.locked) return;
    await sleep(50 + Math.random() * 50, undefined, signal ? { signal } : {});
  }
}

async function applyAll(
  client: pg.Client,
  table: string,
  migrations: readonly Migration[],
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<void> {
  await client.query(
    `create table if not exists ${table} (
       name text primary key,
       checksum text not null,
       applied_at timestamptz not null default now()
     )`,
  );
  const { rows } = await client.query<{ name: string; checksum: string }>(`select name, checksum from ${table}`);
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  refuseChanges(applied, migrations, log);
  for (const migration of migrations) {
    if (applied.has(migration.name)) continue;
    signal?.throwIfAborted();
    const startedAt = performance.now();
    await apply(client, table, migration);
    log.info({ migration: migration.name, ms: Math.round(performance.now() - startedAt) }, 'migrated');
  }
}

function refuseChanges(applied: Map<string, string>, migrations: readonly Migration[], log: Logger): void {
  for (const { name, checksum } of migrations) {
    const before = applied.get(name);
    if (before !== undefined && before !== checksum) {
      throw new MigrationError(`migration ${name} was changed after it was applied; undo that and add a new one`);
    }
  }
  const known = new Set(migrations.map(({ name }) => name));
  const last = migrations.at(-1)?.name ?? '';
  const firstNew = migrations.find(({ name }) => !applied.has(name))?.name;
  for (const name of [...applied.keys()].sort()) {
    if (known.has(name)) continue;
    // A newer version has been here and was rolled back: its changes must suit the version before, as in any rolling update.
    if (name > last && firstNew === undefined) log.warn({ migration: name }, 'the schema is newer than this version');
    else throw new MigrationError(`migration ${name} was applied but is not there any more; put it back`);
  }
}

async function apply(client: pg.Client, table: string, { name, sql, checksum }: Migration): Promise<void> {
  await client.query("begin; set local statement_timeout = 0; set local lock_timeout = '30s'");
  try {
    await client.query(sql);
    if (client.getTransactionStatus() !== 'T') {
      throw new MigrationError(`migration ${name} ends the transaction that it runs in; remove its commit or rollback`);
    }
    await client.query(`insert into ${table} (name, checksum) values ($1, $2)`, [name, checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    if (error instanceof pg.DatabaseError) error.message = `migration ${name}: ${error.message}`;
    throw error;
  }
}
