import { setTimeout as sleep } from 'node:timers/promises';
import { Code } from '@connectrpc/connect';
import pg from 'pg';
import type { Logger } from 'pino';
import { logger } from '../log/logger.ts';
import { Outage } from '../outage.ts';
import { ServiceError } from '../service-error.ts';
import { clientConfig } from './client-config.ts';
import { columnTypes } from './column-types.ts';
import { type ConnectionOptions, connectionFromEnvironment } from './connection-options.ts';
import type { Database, QueryOptions, Rows, Transaction, TransactionOptions } from './database.ts';
import { isRetryable, isUnreachable, toServiceError } from './database-error.ts';
import { migrate } from './migrate.ts';
import { Session } from './session.ts';
import { sqlSpan } from './sql-span.ts';
import { defaultTimeoutMs, type StatementLimit, statementLimit, untilOver } from './statement-limit.ts';
import { rowsOf, runTransaction, statementOf } from './transaction.ts';
import { currentTransaction } from './transaction-scope.ts';

/** How to connect to a service's schema. */
export interface PostgresOptions {
  /** The schema; the role that connects owns it. */
  readonly schema: string;
  /** Directory of numbered .sql files. */
  readonly migrations: URL | string;
  /** The maximum number of connections per process. Default: 10. */
  readonly maxConnections?: number;
  /** Default: libpq's variables; see {@link connectionFromEnvironment}. */
  readonly connection?: ConnectionOptions;
  /** Default: the process's logger. */
  readonly log?: Logger;
}

/** The maximum number of times that a transaction runs. */
const maxTries = 5;

/** How long a check waits for a migration: shorter than a result of the readiness is cached, so that the next check waits on. */
const checkWaitMs = 900;

/**
 * A connection pool to a service's own schema. Connects on first use, and reconnects after the server was down.
 *
 * @throws RangeError when the environment names no role or a wrong port.
 */
export function postgres(options: PostgresOptions): Database {
  return new PostgresDatabase(options);
}

class PostgresDatabase implements Database {
  readonly schema: string;
  readonly #connection: ConnectionOptions;
  readonly #migrations: URL | string;
  readonly #maxConnections: number;
  readonly #log: Logger;
  readonly #pool: pg.Pool;
  /** Connections break one by one; that is one loss. */
  readonly #lost: Outage;
  /** Statements wait for the schema that they need. Resolves with whether it is there; never rejects. */
  #migrating: Promise<boolean> | undefined;
  #lastSuccess = 0;

  constructor(options: PostgresOptions) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/.test(options.schema)) {
      throw new RangeError(`schema "${options.schema}" must be 1 to 63 lower-case letters, digits and underscores`);
    }
    this.schema = options.schema;
    this.#connection = options.connection ?? connectionFromEnvironment();
    this.#migrations = options.migrations;
    this.#maxConnections = options.maxConnections ?? 10;
    this.#log = options.log ?? logger();
    this.#lost = new Outage(this.#log, 'connections to the database are lost');
    this.#pool = new pg.Pool({ ...this.#clientConfig(), max: this.#maxConnections, idleTimeoutMillis: 60_000 });
    // A connection lost while idle is replaced when the next one is needed; without listeners it would end the process.
    this.#pool.on('error', (error) => {
      if (!this.#pool.ending) this.#lost.failed(error);
    });
    this.#pool.on('connect', (client) => {
      // In use: the statement under way rejects with the same error.
      client.on('error', () => {});
      // Pipelined before the first statement. A connection on which this fails is lost, and that one says so.
      client.query(this.#settings).catch(() => {});
    });
  }

  async query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    options: QueryOptions = {},
  ): Promise<Rows<Row>> {
    this.#refuseInsideTransaction();
    const limit = statementLimit(this.schema, options.signal);
    limit.throwIfOver();
    if (this.#migrating) await untilOver(this.#migrating, limit);
    return sqlSpan(this.schema, text, async () => {
      for (let attempt = 1; ; attempt++) {
        const session = await this.#acquire(limit);
        session.setTimeout(limit.remainingMs());
        try {
          const result = await session.run(statementOf(text, values), limit);
          session.release();
          this.#succeeded();
          return rowsOf<Row>(result);
        } catch (error) {
          // Each of the pool's connections may hold a stale plan.
          const again = session.isStale && attempt <= this.#maxConnections;
          if (session.isStale) session.destroy();
          else if (limit.signal?.aborted) void session.reclaim();
          else session.release();
          if (!again) throw toServiceError(this.schema, error);
        }
      }
    });
  }

  async transaction<T>(fn: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    this.#refuseInsideTransaction();
    const { schema } = this;
    const limit = statementLimit(schema, options.signal);
    if (this.#migrating) await untilOver(this.#migrating, limit);
    let stalePlans = 0;
    for (let attempt = 1; ; attempt++) {
      limit.throwIfOver();
      const session = await this.#acquire(limit);
      try {
        const result = await runTransaction({ schema, session, limit, options, retried: attempt > 1 }, fn);
        this.#succeeded();
        return result;
      } catch (error) {
        // What the server said first, not what fn made of it: fn may have wrapped or swallowed it.
        const cause = session.failure ?? error;
        if (session.isStale && stalePlans < this.#maxConnections && !limit.signal?.aborted) {
          stalePlans++;
          continue; // Each of the pool's connections may hold a stale plan; the one that did is closed.
        }
        if (!isRetryable(cause) || attempt - stalePlans >= maxTries || limit.signal?.aborted) {
          throw isRetryable(cause) ? toServiceError(schema, cause) : toServiceError(schema, error);
        }
      }
      // Full jitter, doubling: those that collided spread out.
      await sleep(Math.random() * 5 * 2 ** attempt);
    }
  }

  async migrate(signal?: AbortSignal): Promise<void> {
    const migrated = this.#migrate(signal);
    this.#migrating = migrated.then(
      () => true,
      () => false,
    );
    try {
      await migrated;
    } finally {
      this.#migrating = undefined;
    }
  }

  async #migrate(signal: AbortSignal | undefined): Promise<void> {
    const away = new Outage(this.#log, `${this.schema} waits for the database`);
    for (let waitMs = 100; ; waitMs = Math.min(2 * waitMs, 5_000)) {
      try {
        await migrate({
          schema: this.schema,
          migrations: this.#migrations,
          clientConfig: this.#clientConfig(),
          log: this.#log,
          ...(signal ? { signal } : {}),
        });
        away.over();
        return;
      } catch (error) {
        if (signal?.aborted && (isUnreachable(error) || isAbort(error, signal))) throw this.#notThere(error);
        if (!isUnreachable(error)) throw toServiceError(this.schema, error);
        away.failed(error);
        await sleep(waitMs * (0.5 + Math.random()), undefined, signal ? { signal } : {}).catch(() => {});
        if (signal?.aborted) throw this.#notThere(error);
      }
    }
  }

  async check(signal?: AbortSignal): Promise<void> {
    if (this.#migrating) {
      const waited = sleep(checkWaitMs, false, { ref: false, ...(signal ? { signal } : {}) }).catch(() => false);
      if (!(await Promise.race([this.#migrating, waited]))) throw this.#notThere();
    }
    // A pool that is busy serving calls is reachable; asking again would only queue behind them.
    if (Date.now() - this.#lastSuccess < 1_000) return;
    const timeout = AbortSignal.timeout(2_000);
    await this.query('select 1', undefined, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
  }

  #notThere(cause?: unknown): ServiceError {
    return new ServiceError(Code.Unavailable, `${this.schema}: the schema is not there yet`, { cause });
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end();
  }

  async #acquire(limit: StatementLimit): Promise<Session> {
    const connecting = this.#pool.connect();
    try {
      return new Session(await untilOver(connecting, limit), this.#connection);
    } catch (error) {
      // Whoever stopped waiting still gets its turn, and passes it on.
      if (limit.signal?.aborted) connecting.then((client) => client.release()).catch(() => {});
      throw toServiceError(this.schema, error);
    }
  }

  #succeeded(): void {
    this.#lastSuccess = Date.now();
    this.#lost.over();
  }

  #refuseInsideTransaction(): void {
    // It would wait for a second connection while holding one: with enough callers at once, for ever.
    if (currentTransaction() === this.schema) {
      throw new Error(`${this.schema}: inside a transaction use its tx, not the database`);
    }
  }

  get #settings(): string {
    return `set search_path to "${this.schema}"; set statement_timeout = ${defaultTimeoutMs};
      set idle_in_transaction_session_timeout = 60000; set time zone 'UTC'`;
  }

  #clientConfig(): pg.ClientConfig {
    return { ...clientConfig(this.#connection, this.schema), pipeline: true, types: columnTypes };
  }
}

/** Whether an operation ended because its signal did: with the signal's reason, or as Node's timers say it. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError');
}
