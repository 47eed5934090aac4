/** How long to wait between tries. */
export interface Backoff {
  /** Before the second try; it doubles from there. */
  readonly baseMs: number;
  readonly maxMs: number;
}

/**
 * The wait after `failures` failed tries (1 after the first): between half of the doubled wait and all of it, so that orders
 * that failed together do not come back together. `random` gives 0 to 1.
 */
export function backoffMs({ baseMs, maxMs }: Backoff, failures: number, random: () => number = Math.random): number {
  const waitMs = Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(waitMs * (0.5 + random() / 2));
}
