/** What a timeout header said. */
export interface ParsedTimeout {
  /** How long the caller waits. Absent: no timeout was sent, or it could not be read. */
  readonly timeoutMs?: number;
  /** Why it could not be read. */
  readonly error?: string;
}

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
