import { setTimeout as delay } from 'node:timers/promises';

/** Bounds of `waitFor`. */
export interface WaitOptions {
  /** Default: 30 s. */
  readonly timeoutMs?: number;
  /** Between two looks. Default: 50 ms. */
  readonly intervalMs?: number;
}

/**
 * Waits until `look` returns something other than undefined or false, and returns that. An error of `look` counts as "not yet";
 * the last one is told when the time is over.
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
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: last });
    await delay(intervalMs);
  }
}
