import type { Fault, RateLimit, RetryCode, RetryPolicy } from '../model/method.ts';
import { defaultPeriodMs } from '../model/rate-limit.ts';
import { withRetryDefaults } from '../model/retry.ts';
import type { MeshPolicySpec } from './schemas.ts';

type Fields = NonNullable<MeshPolicySpec['defaults']>;

const retryCodes: Readonly<Record<string, RetryCode>> = {
  CANCELLED: 'cancelled',
  DEADLINE_EXCEEDED: 'deadline-exceeded',
  INTERNAL: 'internal',
  RESOURCE_EXHAUSTED: 'resource-exhausted',
  UNAVAILABLE: 'unavailable',
};

/** A retry with the defaults of weft.policy.v1; undefined when it asks for none. */
export function retryOf(given: NonNullable<Fields['retry']>): RetryPolicy | undefined {
  const { codes, maxRetries, baseBackoff: baseBackoffMs, maxBackoff: maxBackoffMs } = given;
  const known = codes?.flatMap((code) => retryCodes[code] ?? []);
  const retry = withRetryDefaults({ codes: known, maxRetries, baseBackoffMs, maxBackoffMs });
  if (retry.maxRetries === 0) return undefined;
  return { ...retry, maxBackoffMs: Math.max(retry.baseBackoffMs, retry.maxBackoffMs) };
}

/** Faults, each name once: the first that has it counts. */
export function faultsOf(faults: NonNullable<Fields['faults']>): Fault[] {
  const byName = new Map<string, Fault>();
  for (const { name, delay, abort } of faults) {
    if (byName.has(name)) continue;
    const code = abort && retryCodes[abort];
    byName.set(name, {
      name,
      ...(delay === undefined ? {} : { delayMs: delay }),
      ...(code === undefined ? {} : { abort: code }),
    });
  }
  return [...byName.values()];
}

/** Rate limits with their default period. */
export function rateLimitsOf(limits: NonNullable<Fields['rateLimits']>): RateLimit[] {
  return limits.map(({ caller, requests, per = defaultPeriodMs }) => ({ caller, requests, perMs: per }));
}
