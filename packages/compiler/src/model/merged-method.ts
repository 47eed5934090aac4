import type { Method, RetryPolicy } from './method.ts';

const weakestFirst = ['unsafe', 'keyed', 'idempotent', 'no_side_effects'] as const;

/** What two versions or two services both promise of a method, except its deadline, which is the longest. */
export function mergeMethod(a: Method, b: Method): Method {
  const { deadlineMs, tryTimeoutMs, maxDurationMs, idleTimeoutMs, retry, idempotencyKey, hedge, ...first } = a;
  const longest = (x: number | undefined, y: number | undefined) =>
    x === undefined || y === undefined ? undefined : Math.max(x, y);
  return {
    ...first,
    kind: a.kind,
    safety: weakestFirst.find((safety) => safety === a.safety || safety === b.safety) ?? 'unsafe',
    callers: new Set([...a.callers, ...b.callers].sort()),
    ...optional('denied', a.denied || b.denied ? new Set([...(a.denied ?? []), ...(b.denied ?? [])]) : undefined),
    ...optional('deadlineMs', longest(deadlineMs, b.deadlineMs)),
    ...optional('tryTimeoutMs', longest(tryTimeoutMs, b.tryTimeoutMs)),
    ...optional('maxDurationMs', longest(maxDurationMs, b.maxDurationMs)),
    ...optional('idleTimeoutMs', longest(idleTimeoutMs, b.idleTimeoutMs)),
    ...optional('retry', retry && b.retry && mergeRetry(retry, b.retry)),
    ...optional('idempotencyKey', idempotencyKey === b.idempotencyKey ? idempotencyKey : undefined),
    ...optional('hedge', hedge && b.hedge ? hedge : undefined),
    versions: [...a.versions, ...b.versions],
    // Of a value that only one of them has said, that one; of two values the first's, which stands for both.
    origins: { ...b.origins, ...a.origins },
  };
}

function mergeRetry(a: RetryPolicy, b: RetryPolicy): RetryPolicy | undefined {
  const codes = a.codes.filter((code) => b.codes.includes(code));
  if (codes.length === 0) return undefined;
  return {
    codes,
    maxRetries: Math.min(a.maxRetries, b.maxRetries),
    baseBackoffMs: Math.max(a.baseBackoffMs, b.baseBackoffMs),
    maxBackoffMs: Math.max(a.maxBackoffMs, b.maxBackoffMs),
  };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
