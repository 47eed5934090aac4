import { setTimeout as delay } from 'node:timers/promises';

/** Bounds of `waitFor`. */
export interface WaitOptions {
  /** Default: 30 s. */
  readonly timeoutMs?: number;
  /** Between two looks. Default: 50 ms. */
  readonly intervalMs?: number;
}

/**
 * Waits until `look` returns something other than undefined or false, and returns that. An error of `look` counts as "not yet". When the
 * time is over, the message ends with that of the last error, which is also the cause.
 */
export async function waitFor<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  { timeoutMs = 30_000, intervalMs = 50 }: WaitOptions = {},
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}${told(last)}`, { cause: last });
    await delay(intervalMs);
  }
}

/** A report of failed tests shows messages, not causes. */
function told(last: unknown): string {
  if (last === undefined) return '';
  return `: ${last instanceof Error ? last.message || last.name : String(last)}`;
}
