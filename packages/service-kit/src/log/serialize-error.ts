import pg from 'pg';

/** An error as it may be logged. */
export interface LoggableError {
  readonly type: string;
  readonly message: string;
  readonly code?: string | number;
  readonly stack?: string;
  /** PostgreSQL only: names, never values. */
  readonly table?: string;
  readonly constraint?: string;
  readonly cause?: LoggableError;
}

/**
 * Makes an error fit for a log: no password, no connection string, and of PostgreSQL's errors nothing that quotes a value
 * of a row. Follows causes, five deep.
 */
export function serializeError(error: unknown): LoggableError {
  return serialize(error, 5);
}

function serialize(error: unknown, depth: number): LoggableError {
  if (!(error instanceof Error)) return { type: typeof error, message: scrub(String(error)) };
  const message = messageOf(error);
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error instanceof pg.DatabaseError ? 'DatabaseError' : error.name,
    message,
    ...('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')
      ? { code: error.code }
      : {}),
    ...(frames && frames.length > 0 ? { stack: scrub(frames.join('\n')) } : {}),
    ...(error instanceof pg.DatabaseError && error.table ? { table: error.table } : {}),
    ...(error instanceof pg.DatabaseError && error.constraint ? { constraint: error.constraint } : {}),
    ...(error.cause !== undefined && depth > 1 ? { cause: serialize(error.cause, depth - 1) } : {}),
  };
}

/** SQLSTATE classes whose message names things, never values: connections, constraints, rollbacks, names, resources. */
const namesOnly = /^(08|23|25|28|3D|3F|40|42|53|54|55|57|58|0A|XX)/;

function messageOf(error: Error): string {
  if (error instanceof pg.DatabaseError && !namesOnly.test(error.code ?? '')) {
    return `SQLSTATE ${error.code ?? 'unknown'} (the message may quote a value)`;
  }
  return scrub(error.message);
}

function scrub(text: string): string {
  const password = process.env.PGPASSWORD;
  const withoutUrls = text.replace(/(\w+:\/\/)[^\s/@]*@/g, '$1***@').replace(/(password|passwd|pwd)=\S+/gi, '$1=***');
  return password ? withoutUrls.replaceAll(password, '***') : withoutUrls;
}
