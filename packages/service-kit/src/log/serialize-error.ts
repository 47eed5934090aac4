import pg from 'pg';
import { scrub } from './scrub.ts';

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

/** Names, codes and types are short; whatever is not, is none. */
const maxNameChars = 200;

const maxStackChars = 16_384;

/**
 * Makes an error fit for a log: no password, no connection string, and of PostgreSQL's errors nothing that quotes a value
 * of a row. All texts are cut. Follows causes, five deep. Never throws, whatever was thrown.
 */
export function serializeError(error: unknown): LoggableError {
  return serialize(error, 5);
}

function serialize(thrown: unknown, depth: number): LoggableError {
  try {
    return thrown instanceof Error
      ? serializeInstance(thrown, depth)
      : { type: typeof thrown, message: scrub(textOf(thrown)) };
  } catch {
    // Its own getters, or its proxy, throw.
    return { type: typeof thrown, message: 'an error that cannot be read' };
  }
}

function serializeInstance(error: Error, depth: number): LoggableError {
  const { name, cause } = error;
  const stack: unknown = error.stack;
  // The frames are at the end, after the message, which may be long and is there already.
  const frames =
    typeof stack === 'string'
      ? stack
          .slice(-maxStackChars)
          .split('\n')
          .filter((line) => /^\s+at /.test(line))
      : [];
  return {
    type: error instanceof pg.DatabaseError ? 'DatabaseError' : scrub(textOf(name), maxNameChars),
    message: messageOf(error),
    ...codeOf(error),
    ...(frames.length > 0 ? { stack: scrub(frames.join('\n')) } : {}),
    ...(error instanceof pg.DatabaseError && error.table ? { table: scrub(error.table, maxNameChars) } : {}),
    ...(error instanceof pg.DatabaseError && error.constraint
      ? { constraint: scrub(error.constraint, maxNameChars) }
      : {}),
    ...(cause !== undefined && depth > 1 ? { cause: serialize(cause, depth - 1) } : {}),
  };
}

function codeOf(error: Error): Pick<LoggableError, 'code'> {
  if (!('code' in error)) return {};
  if (typeof error.code === 'number') return { code: error.code };
  return typeof error.code === 'string' ? { code: scrub(error.code, maxNameChars) } : {};
}

/** SQLSTATE classes whose message names things, never values: connections, constraints, rollbacks, names, resources. */
const namesOnly = /^(08|23|25|28|3D|3F|40|42|53|54|55|57|58|0A|XX)/;

function messageOf(error: Error): string {
  if (error instanceof pg.DatabaseError && !namesOnly.test(error.code ?? '')) {
    return `SQLSTATE ${error.code ?? 'unknown'} (the message may quote a value)`;
  }
  return scrub(textOf(error.message));
}

/** Anything as text; its own toString may fail. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return 'a value that has no text';
  }
}
