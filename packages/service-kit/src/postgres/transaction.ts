import type { Rows, Transaction, TransactionOptions } from './database.ts';
import { toServiceError } from './database-error.ts';
import type { Session } from './session.ts';
import { sqlSpan } from './sql-span.ts';
import { roundTimeout, type StatementLimit } from './statement-limit.ts';
import { statementName } from './statement-name.ts';
import { runInTransaction } from './transaction-scope.ts';

/** What a try at a transaction needs. */
export interface TransactionContext {
  readonly schema: string;
  readonly session: Session;
  readonly limit: StatementLimit;
  readonly options: TransactionOptions;
  readonly retried: boolean;
}

/**
 * Runs `fn` between begin and commit and gives the session back, whatever happens. A commit that the server turned into a
 * rollback, because `fn` swallowed a statement's error, rejects with that error.
 */
export async function runTransaction<T>(context: TransactionContext, fn: (tx: Transaction) => Promise<T>): Promise<T> {
  const { schema, session, limit, options } = context;
  let timeoutMs = limit.remainingMs();
  let open = true;

  const tx: Transaction = {
    retried: context.retried,
    query: <Row extends object>(text: string, values?: readonly unknown[]): Promise<Rows<Row>> =>
      sqlSpan(schema, text, async () => {
        if (!open) throw new Error(`${schema}: a statement after the end of its transaction`);
        limit.throwIfOver();
        const remainingMs = limit.remainingMs();
        if (remainingMs < timeoutMs * 0.8) {
          timeoutMs = remainingMs;
          session.send(`set local statement_timeout = ${roundTimeout(timeoutMs)}`);
        }
        try {
          return rowsOf(await session.run(statementOf(text, values), limit));
        } catch (error) {
          // Serialization failures are told to fn as well; the loop that tries again looks at the session's own record.
          throw toServiceError(schema, error);
        }
      }),
  };

  try {
    session.setTimeout(timeoutMs);
    session.send(beginStatement(options));
    const result = await runInTransaction(schema, () => fn(tx));
    open = false;
    limit.throwIfOver();
    // Without the signal: once asked to commit, the only honest answer is the server's.
    const end = await sqlSpan(schema, 'commit', () => session.run({ text: 'commit' }));
    if (end.command !== 'COMMIT') {
      throw session.failure ?? new Error(`${schema}: the transaction was rolled back`);
    }
    session.release();
    return result;
  } catch (error) {
    open = false;
    const reclaimed = session.reclaim();
    // Locks are gone before the caller goes on, unless it no longer waits.
    if (!limit.signal?.aborted) await reclaimed;
    throw error;
  }
}

function beginStatement({ isolation, readOnly }: TransactionOptions): string {
  return `begin${isolation ? ` isolation level ${isolation}` : ''}${readOnly ? ' read only' : ''}`;
}

/** A statement as pg takes it: prepared once a connection when it has values. */
export function statementOf(text: string, values: readonly unknown[] | undefined) {
  if (values === undefined) return { text };
  const name = statementName(text);
  return name === undefined ? { text, values: [...values] } : { name, text, values: [...values] };
}

/** A result as the kit hands it out. The rows are what the statement selects: their type is the caller's word. */
export function rowsOf<Row extends object>(result: { rows: object[]; rowCount: number | null }): Rows<Row> {
  return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
}
