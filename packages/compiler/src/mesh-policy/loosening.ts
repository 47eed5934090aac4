import type { ContractVersion } from '../model/contract.ts';
import type { Method, RateLimit, RetryPolicy } from '../model/method.ts';
import { limitFor } from '../model/rate-limit.ts';

/** Whether calls may take longer than before. */
export function loosensTime(before: number | undefined, nextMs: number): boolean {
  return before !== undefined && nextMs > before;
}

/** Whether more is tried again than before, or sooner. */
export function loosensRetry(before: RetryPolicy | undefined, next: RetryPolicy | undefined): boolean {
  if (next === undefined) return false;
  if (before === undefined) return true;
  return (
    next.maxRetries > before.maxRetries ||
    next.codes.some((code) => !before.codes.includes(code)) ||
    next.baseBackoffMs < before.baseBackoffMs ||
    next.maxBackoffMs < before.maxBackoffMs
  );
}

/** Whether some caller may call more often than before, in the long run or at once. */
export function loosensLimits({ callers, rateLimits }: Method, next: readonly RateLimit[]): boolean {
  return [...callers].some((caller) => {
    const before = limitFor(caller, rateLimits);
    const after = limitFor(caller, next);
    if (before === undefined) return false;
    if (after === undefined) return true;
    return after.requests > before.requests || after.requests / after.perMs > before.requests / before.perMs;
  });
}

/** Whether a replica may work on more requests at once than before. */
export function loosensConcurrency({ maxConcurrentRequests }: ContractVersion, next: number): boolean {
  return maxConcurrentRequests !== undefined && next > maxConcurrentRequests;
}
