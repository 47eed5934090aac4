import { currentCall } from '../current-call.ts';
import { abortedError } from './database-error.ts';

/** How long statements run that no call waits for. */
export const defaultTimeoutMs = 30_000;

/** How long the work on a database may take, and what ends it early. */
export interface StatementLimit {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds that are left, at most the default. */
  remainingMs(): number;
  /** Throws what the caller is to see, once the signal was aborted or the deadline has passed. */
  throwIfOver(): void;
  /** The same as an error. */
  error(): unknown;
}

/** The limit of the current call and of `signal`, whichever comes first. */
export function statementLimit(service: string, own: AbortSignal | undefined): StatementLimit {
  const call = currentCall();
  const signal = own && call ? AbortSignal.any([own, call.signal]) : (own ?? call?.signal);
  const remainingMs = () => Math.min(call?.timeoutMs() ?? defaultTimeoutMs, defaultTimeoutMs);
  const error = () => abortedError(service, signal?.reason, remainingMs() <= 0);
  return {
    signal,
    remainingMs,
    error,
    throwIfOver() {
      if (signal?.aborted || remainingMs() <= 0) throw error();
    },
  };
}

/**
 * Rounds up to two digits, so that the calls of one method share a value and a connection seldom needs a new one. The
 * signal is what ends a statement on time; the server's own timeout is for when this process cannot.
 */
export function roundTimeout(timeoutMs: number): number {
  if (timeoutMs <= 100) return Math.max(1, Math.ceil(timeoutMs / 10) * 10);
  const unit = 10 ** (Math.floor(Math.log10(timeoutMs)) - 1);
  return Math.ceil(timeoutMs / unit) * unit;
}

/** What `promise` becomes, unless the limit ends first. */
export function untilOver<T>(promise: Promise<T>, limit: StatementLimit): Promise<T> {
  const { signal } = limit;
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(limit.error());
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
