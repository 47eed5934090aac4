import type { Method, RateLimit, RetryPolicy } from './method.ts';
import type { RetryBudget } from './retry-budget.ts';

// What a policy says, as people write it. `why` and `diff` use the same words.

/** "500 ms", "1.5 s", "10 min", "1 h". */
export function timeWords(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 60_000) return `${round(ms / 1000)} s`;
  if (ms < 3_600_000) return `${round(ms / 60_000)} min`;
  return `${round(ms / 3_600_000)} h`;
}

/** "2 on UNAVAILABLE, 25 ms to 250 ms apart". */
export function retryWords({ maxRetries, codes, baseBackoffMs, maxBackoffMs }: RetryPolicy): string {
  const names = codes.map((code) => code.toUpperCase().replaceAll('-', '_')).join(', ');
  return `${maxRetries} on ${names}, ${timeWords(baseBackoffMs)} to ${timeWords(maxBackoffMs)} apart`;
}

/** "3 tries, the next after 50 ms". */
export function hedgeWords({ afterMs, maxTries }: NonNullable<Method['hedge']>): string {
  return `${maxTries} tries, the next after ${timeWords(afterMs)}`;
}

/** "10 in 1 s". Per replica. */
export function limitWords({ requests, perMs }: RateLimit): string {
  return `${requests} in ${timeWords(perMs)}`;
}

/** "20 % of in-flight requests, 25 at least". */
export function budgetWords({ percent, minConcurrent }: RetryBudget): string {
  return `${percent} % of in-flight requests, ${minConcurrent} at least`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
