import type { Method, RetryCode, RetryPolicy } from './method.ts';

/** What somebody says of a retry; all that is absent has its default. */
export interface GivenRetry {
  /** Default: UNAVAILABLE. */
  readonly codes?: readonly RetryCode[] | undefined;
  /** Default: 2. */
  readonly maxRetries?: number | undefined;
  /** Default: 25 ms. */
  readonly baseBackoffMs?: number | undefined;
  /** Default: ten times the base. */
  readonly maxBackoffMs?: number | undefined;
}

/** A retry with every default of weft.policy.v1 filled in. */
export function withRetryDefaults(given: GivenRetry): RetryPolicy {
  const { codes = ['unavailable'], maxRetries = 2, baseBackoffMs = 25, maxBackoffMs = baseBackoffMs * 10 } = given;
  return { codes: [...new Set(codes)].sort(), maxRetries, baseBackoffMs, maxBackoffMs };
}

/** The tries of a hedged call of which nobody says how many. */
export const defaultHedgeTries = 2;

/** Whether a repeat of the method harms nothing and is possible, so that it may be tried again after it was delivered. */
export function isRepeatable({ safety, kind }: Pick<Method, 'safety' | 'kind'>): boolean {
  return safety !== 'unsafe' && kind !== 'client_stream' && kind !== 'bidi_stream';
}

/** Whether a call that may have been delivered is tried again, and how; undefined: never. */
export function effectiveRetry({ safety, retry }: Pick<Method, 'safety' | 'retry'>): RetryPolicy | undefined {
  return safety === 'unsafe' ? undefined : retry;
}
