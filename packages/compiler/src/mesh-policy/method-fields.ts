import type { MeshPolicySpec } from '../mesh-directory/mesh-policy-schemas.ts';
import type { Fault, Method, RateLimit, RetryCode, RetryPolicy } from '../model/method.ts';

type Fields = NonNullable<MeshPolicySpec['defaults']>;

const retryCodes: Readonly<Record<string, RetryCode>> = {
  CANCELLED: 'cancelled',
  DEADLINE_EXCEEDED: 'deadline-exceeded',
  INTERNAL: 'internal',
  RESOURCE_EXHAUSTED: 'resource-exhausted',
  UNAVAILABLE: 'unavailable',
};

/** A retry with the defaults of weft.policy.v1; undefined when it asks for none. */
export function retryOf(retry: NonNullable<Fields['retry']>): RetryPolicy | undefined {
  const { codes = ['UNAVAILABLE'], maxRetries = 2, baseBackoff = 25, maxBackoff = baseBackoff * 10 } = retry;
  if (maxRetries === 0) return undefined;
  const known = codes.flatMap((code) => retryCodes[code] ?? []);
  return {
    codes: [...new Set(known)].sort(),
    maxRetries,
    baseBackoffMs: baseBackoff,
    maxBackoffMs: Math.max(baseBackoff, maxBackoff),
  };
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

/** Rate limits with their default period of a second. */
export function rateLimitsOf(limits: NonNullable<Fields['rateLimits']>): RateLimit[] {
  return limits.map(({ caller, requests, per = 1000 }) => ({ caller, requests, perMs: per }));
}

/** Whether a repeat of the method harms nothing, so that it may be tried again after it was delivered. */
export function isRepeatable({ safety, kind }: Pick<Method, 'safety' | 'kind'>): boolean {
  return safety !== 'unsafe' && kind !== 'client_stream' && kind !== 'bidi_stream';
}
