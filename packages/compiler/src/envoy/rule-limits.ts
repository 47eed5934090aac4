import { mergeMethod } from '../model/merged-method.ts';
import type { Method } from '../model/method.ts';
import { effectiveRetry } from '../model/retry.ts';
import type { Rule } from '../model/route.ts';
import { isRepeatedAfterReset } from './retry-policy.ts';

/**
 * A method as a rule lets it be called: what its contract and those of all backends allow, and no more than the rule says. `backends`:
 * the method at each of them; undefined: nobody there says anything of it, so that it may not be repeated.
 */
export function withinRule(
  method: Method,
  backends: readonly (Method | undefined)[],
  { timeouts = {}, retry }: Pick<Rule, 'timeouts' | 'retry'>,
): Method {
  const agreed = backends.reduce<Method>(
    (all, other) => (other === all ? all : other ? mergeMethod(all, other) : unrepeated(all)),
    method,
  );
  const { requestMs, backendRequestMs, idleMs } = timeouts;
  const narrowed = retry ? withRetry(agreed, retry) : agreed;
  if (requestMs === undefined && backendRequestMs === undefined && idleMs === undefined) return narrowed;
  const tried = narrowed.kind === 'unary' && effectiveRetry(narrowed) !== undefined && isRepeatedAfterReset(narrowed);
  const longest = tried ? requestMs : least(requestMs, backendRequestMs);
  const { deadlineMs, maxDurationMs, tryTimeoutMs, idleTimeoutMs, ...rest } = narrowed;
  const times = {
    ...(narrowed.kind === 'unary'
      ? { deadlineMs: least(deadlineMs, longest) }
      : { maxDurationMs: least(maxDurationMs, longest) }),
    tryTimeoutMs: tried ? least(tryTimeoutMs, backendRequestMs) : tryTimeoutMs,
    idleTimeoutMs: least(idleTimeoutMs, idleMs),
  };
  return { ...rest, ...given(times) };
}

function withRetry(method: Method, { codes, maxRetries, baseBackoffMs = 0 }: NonNullable<Rule['retry']>): Method {
  const { retry, hedge, ...rest } = method;
  const fewer = maxRetries ?? Number.POSITIVE_INFINITY;
  const hedged = hedge && { ...hedge, maxTries: Math.min(hedge.maxTries, fewer + 1) };
  const left = retry && {
    codes: retry.codes.filter((code) => codes?.includes(code) ?? true),
    maxRetries: Math.min(retry.maxRetries, fewer),
    baseBackoffMs: Math.max(retry.baseBackoffMs, baseBackoffMs),
    maxBackoffMs: Math.max(retry.maxBackoffMs, baseBackoffMs),
  };
  return {
    ...rest,
    ...(left && left.codes.length > 0 && left.maxRetries > 0 ? { retry: left } : {}),
    ...(hedged && hedged.maxTries > 1 ? { hedge: hedged } : {}),
  };
}

function unrepeated({ retry: _, hedge: __, ...method }: Method): Method {
  return { ...method, safety: 'unsafe' };
}

function least(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function given<T extends Record<string, number | undefined>>(times: T): { [K in keyof T]?: number } {
  return Object.fromEntries(Object.entries(times).filter(([, time]) => time !== undefined)) as {
    [K in keyof T]?: number;
  };
}
