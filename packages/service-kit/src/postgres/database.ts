/**
 * The result of a statement. Columns of type bigint are `bigint`, numeric is `string`, timestamptz is `Date`, date is `string`, jsonb is
 * parsed, bytea is `Buffer`.
 */
export interface Rows<Row extends object = Record<string, unknown>> {
  readonly rows: readonly Row[];
  /** Rows returned or changed. */
  readonly rowCount: number;
}

/** Runs statements. Values are $1, $2, ... and never part of the text. */
export interface Queryable {
  /**
   * Runs one statement. It is cancelled when the current call's deadline passes (by default after 30 s) or its caller hangs up.
   *
   * @throws ServiceError UNAVAILABLE without a connection, DEADLINE_EXCEEDED, CANCELLED, RESOURCE_EXHAUSTED (full disk),
   *   INVALID_ARGUMENT (text that PostgreSQL cannot store); pg's DatabaseError with its `code` for all else.
   */
  query<Row extends object = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
    options?: QueryOptions,
  ): Promise<Rows<Row>>;
}

/** The limits of one statement or transaction. */
export interface QueryOptions {
  /** Cancels it on the server. Default: the current call's. */
  readonly signal?: AbortSignal;
}

/** A transaction in progress. */
export interface Transaction extends Queryable {
  /** True from the second try on: after a serialization failure, a deadlock, or a change to the columns that a statement returns. */
  readonly retried: boolean;
}

/** The options of a transaction. */
export interface TransactionOptions extends QueryOptions {
  /** Default: "read committed". */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable';
  /** Default: false. */
  readonly readOnly?: boolean;
}

/** A service's own schema: a connection pool of the role that owns it. */
export interface Database extends Queryable {
  /** The role's schema. */
  readonly schema: string;
  /**
   * Applies new files of the migrations directory; see the README of the package. While the database is unreachable, it waits, and
   * statements wait with it, each within its deadline. It rejects with UNAVAILABLE only if `signal` is aborted meanwhile.
   */
  migrate(signal?: AbortSignal): Promise<void>;
  /**
   * Runs `fn` in one transaction: commits when it resolves, rolls back when it rejects. After a serialization failure or a deadlock it runs
   * again, up to five times; after a change to the columns that a statement returns it runs again on another connection. Therefore `fn`
   * must have no other side effect. Inside it, use `tx` and never the database, and call no other service, because the connection belongs
   * to a pool.
   */
  transaction<T>(fn: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /** Rejects if the database is unreachable, or if a migration under way does not end within 0.9 s; for readiness. */
  check(signal?: AbortSignal): Promise<void>;
  /** Waits for statements and transactions in progress, then closes all connections. */
  close(): Promise<void>;
}
