import { setTimeout as sleep } from 'node:timers/promises';
import pg, { type PoolClient, type QueryConfig, type QueryResult } from 'pg';
import { cancelRequest } from './cancel-request.ts';
import { isStalePlan } from './database-error.ts';
import { roundTimeout, type StatementLimit, untilOver } from './statement-limit.ts';

/** What statement_timeout a connection of the pool has; kept with the connection, not with who borrows it. */
const timeouts = new WeakMap<PoolClient, number>();

/** The statements that a connection of the pool has prepared, by name. */
const prepared = new WeakMap<PoolClient, Set<string>>();

/** For how long a cancelled statement may hold its connection before the connection is closed. */
const reclaimMs = 5_000;

/** A pooled connection while somebody has it. Statements are pipelined: each is sent at once, and run in order. */
export class Session {
  readonly #client: PoolClient;
  readonly #server: { readonly host: string; readonly port: number };
  readonly #pending = new Set<Promise<unknown>>();
  #failure: pg.DatabaseError | undefined;
  #isStale = false;

  constructor(client: PoolClient, server: { readonly host: string; readonly port: number }) {
    this.#client = client;
    this.#server = server;
  }

  /** The first error that the server answered in this session. */
  get failure(): pg.DatabaseError | undefined {
    return this.#failure;
  }

  /** Whether a statement failed because it was prepared on this connection before what it names has changed. */
  get isStale(): boolean {
    return this.#isStale;
  }

  /** Sends a statement. Rejects as soon as `limit` ends; the statement then still has to be reclaimed. */
  run(statement: QueryConfig<unknown[]>, limit?: StatementLimit): Promise<QueryResult<Record<string, unknown>>> {
    const { name } = statement;
    const wasPrepared = name !== undefined && prepared.get(this.#client)?.has(name) === true;
    const pending = this.#client.query<Record<string, unknown>, unknown[]>(statement);
    this.#pending.add(pending);
    const done = () => {
      this.#pending.delete(pending);
      if (name !== undefined && !wasPrepared) this.#notePrepared(name);
    };
    pending.then(done, (error) => {
      this.#pending.delete(pending);
      if (!(error instanceof pg.DatabaseError)) return;
      this.#failure ??= error;
      this.#isStale ||= wasPrepared && isStalePlan(error);
    });
    return limit ? untilOver(pending, limit) : pending;
  }

  /** Sends a statement that nobody waits for; its failure shows in those behind it. */
  send(text: string): void {
    this.run({ text }).catch(() => {});
  }

  /** Lets the server itself end statements of this session after about `timeoutMs`. Sent only when it differs. */
  setTimeout(timeoutMs: number): void {
    const wanted = roundTimeout(timeoutMs);
    if (timeouts.get(this.#client) === wanted) return;
    timeouts.set(this.#client, wanted);
    this.send(`set statement_timeout = ${wanted}`);
  }

  #notePrepared(name: string): void {
    const names = prepared.get(this.#client);
    if (names) names.add(name);
    else prepared.set(this.#client, new Set([name]));
  }

  /** Gives the connection back. */
  release(): void {
    this.#client.release();
  }

  /** Closes the connection instead of giving it back. */
  destroy(): void {
    this.#client.release(true);
  }

  /**
   * Cancels what still runs, ends the transaction if there is one, and gives the connection back; closes it when that takes
   * too long. Never rejects.
   */
  async reclaim(): Promise<void> {
    const giveUp = AbortSignal.timeout(reclaimMs);
    try {
      // Again and again: a request may come between two pipelined statements and hit neither.
      while (this.#pending.size > 0) {
        giveUp.throwIfAborted();
        await cancelRequest(this.#client, this.#server.host, this.#server.port);
        await Promise.race([Promise.allSettled(this.#pending), sleep(100)]);
      }
      // Also the barrier for a request that came late: it can hit this statement, but not the next borrower's.
      await Promise.race([this.run({ text: 'rollback' }), rejectWhen(giveUp)]);
      // A prepared statement whose columns have changed fails on this connection for good.
      if (this.#isStale) this.destroy();
      else this.release();
    } catch {
      this.destroy();
    }
  }
}

function rejectWhen(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
