/** What a timeout header said. */
export interface ParsedTimeout {
  /** How long the caller waits. Absent: no timeout was sent, or it could not be read. */
  readonly timeoutMs?: number;
  /** Why it could not be read. */
  readonly error?: string;
}

/** The longest that a timer can wait: 24.8 days. Node.js fires a longer one at once. */
export const maxTimerMs = 2 ** 31 - 1;

const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Reads the header grpc-timeout: at most eight digits and a unit.
 * See https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md ("Timeout").
 */
export function parseTimeout(value: string | undefined): ParsedTimeout {
  if (value === undefined) return {};
  const match = /^(\d{1,8})([HMSmun])$/.exec(value);
  const unit = unitMs[match?.[2] ?? ''];
  if (!match || unit === undefined)
    return { error: `grpc-timeout ${JSON.stringify(value)} must be 1 to 8 digits and one of H, M, S, m, u, n` };
  return { timeoutMs: Number(match[1]) * unit };
}

/** The largest number that grpc-timeout has room for: eight digits. */
const maxTimeoutValue = 99_999_999;

/**
 * Writes `timeoutMs` as grpc-timeout: in the finest unit that has room for it, rounded up. Less than 1 ms is sent as 1 ms, and more than
 * 99,999,999 hours as that.
 */
export function formatTimeout(timeoutMs: number): string {
  for (const [unit, ms] of coarserUnits) {
    const value = Math.max(1, Math.ceil(timeoutMs / ms));
    if (value <= maxTimeoutValue) return `${value}${unit}`;
  }
  return `${maxTimeoutValue}H`;
}

const coarserUnits = [
  ['m', 1],
  ['S', 1_000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const;

/** A wait that a timer can hold: whole milliseconds, rounded up, from 1 to `maxTimerMs`. */
export function timerMs(waitMs: number): number {
  return Math.min(Math.max(Math.ceil(waitMs), 1), maxTimerMs);
}
