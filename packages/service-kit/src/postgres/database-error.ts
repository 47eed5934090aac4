import { Code, ConnectError } from '@connectrpc/connect';
import pg from 'pg';
import { ServiceError } from '../service-error.ts';

/** SQLSTATEs after which a transaction may simply run again: serialization failure, deadlock. */
const retryable = new Set(['40001', '40P01']);

/** Node's codes for a connection that was refused, lost or never came to be. */
const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
]);

/** What pg and its pool say, without a code, when there is no connection. */
const lostConnection =
  /^(Connection terminated|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error|Client was closed|Cannot use a pool after)/;

/** True for an error after which the transaction may run again as it is. */
export function isRetryable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && retryable.has(error.code ?? '');
}

/**
 * True for what a statement that was prepared earlier fails with after a migration by a newer replica: its columns have another type
 * ("cached plan must not change result type"), or the parameters that were inferred then fit no operator or column now. A statement that
 * was not prepared earlier fails with the last two by its own fault.
 */
export function isStalePlan(error: pg.DatabaseError): boolean {
  if (error.code === '0A000') return error.message.startsWith('cached plan');
  return error.code === '42883' || error.code === '42804';
}

/** True when no connection could be had, or the one in use was lost or is about to be. */
export function isUnreachable(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) {
    const code = error.code ?? '';
    // 57P0x: shutting down, crashed, starting. 53300: too many connections. 25006: a primary that became a standby.
    // 28xxx, 3D000: the password is being rotated, the database not there yet.
    return /^(08|57P0[1-5]|53300|25006|28|3D000)/.test(code);
  }
  if (!(error instanceof Error)) return false;
  if ('code' in error && typeof error.code === 'string' && networkCodes.has(error.code)) return true;
  return lostConnection.test(error.message);
}

/**
 * Turns what pg threw into what a caller may see. Errors that a handler may want to tell apart (unique_violation and the
 * like) stay pg's DatabaseError.
 */
export function toServiceError(service: string, error: unknown): unknown {
  if (error instanceof ServiceError || error instanceof ConnectError) return error;
  if (isUnreachable(error)) {
    return new ServiceError(Code.Unavailable, `${service}: the database is not reachable; try again`, { cause: error });
  }
  if (!(error instanceof pg.DatabaseError)) return error;
  switch (error.code) {
    case '57014':
      // Cancellation by a signal is answered before the server says so; what is left is statement_timeout.
      return new ServiceError(Code.DeadlineExceeded, `${service}: the database took longer than the deadline allows`, {
        cause: error,
      });
    case '40001':
    case '40P01':
      return new ServiceError(Code.Aborted, `${service}: too many changes to the same data at once; try again`, {
        cause: error,
      });
    case '53100':
    case '53200':
      return new ServiceError(Code.ResourceExhausted, `${service}: the database has no room left`, { cause: error });
    case '22021':
    case '22P05':
      return new ServiceError(Code.InvalidArgument, `${service}: text must not contain a zero character`, {
        cause: error,
      });
    default:
      return error;
  }
}

/** What a caller sees whose signal was aborted: a deadline that has passed, or its own hanging up. */
export function abortedError(service: string, reason: unknown, deadlinePassed: boolean): unknown {
  if (reason instanceof ServiceError || reason instanceof ConnectError) return reason;
  if (deadlinePassed || (reason instanceof DOMException && reason.name === 'TimeoutError')) {
    return new ServiceError(Code.DeadlineExceeded, `${service}: the deadline passed before the database answered`, {
      cause: reason,
    });
  }
  return new ServiceError(Code.Canceled, `${service}: the call was cancelled`, { cause: reason });
}
