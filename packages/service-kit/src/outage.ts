import type { Logger } from 'pino';

/**
 * Tells the log of something that fails again and again in two lines: one when it begins, one when it is over. Whatever fails in
 * between says the same.
 */
export class Outage {
  readonly #log: Pick<Logger, 'info' | 'warn'>;
  readonly #what: string;
  #sinceMs: number | undefined;

  /** `what` fails, in words: "orders cannot be claimed". */
  constructor(log: Pick<Logger, 'info' | 'warn'>, what: string) {
    this.#log = log;
    this.#what = what;
  }

  /** It has failed. The line has the last cause, which is what to mend. */
  failed(error: unknown, nowMs: number = Date.now()): void {
    if (this.#sinceMs !== undefined) return;
    this.#sinceMs = nowMs;
    this.#log.warn({ reason: lastCause(error) }, `${this.#what}; trying again until it works`);
  }

  /** It works. */
  over(nowMs: number = Date.now()): void {
    if (this.#sinceMs === undefined) return;
    this.#log.info({ afterMs: nowMs - this.#sinceMs }, `${this.#what}: over`);
    this.#sinceMs = undefined;
  }
}

/** What is at the bottom of an error, in words: what to mend. For the log, never for a caller. */
export function lastCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return lastCause(error.cause);
  // Node says nothing else of a host with several addresses, none of which answered.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(lastCause).join('; ');
  return error.message;
}
