import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Codes of a server, a role or a database that is not there yet, or whose password is not set yet. */
const passing = /^(08|57P0|53300|28|3D000|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)/;

/**
 * Does `work` again and again, once a second, while the server cannot be reached or does not know its caller yet. Rejects with the last
 * reason after `timeoutMs`, and at once with an error that waiting does not mend.
 */
export async function whenReachable<T>(work: () => Promise<T>, timeoutMs: number): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || performance.now() >= endMs) throw error;
      await sleep(1_000);
    }
  }
}

function isPassing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return passing.test(code) || (!(error instanceof pg.DatabaseError) && /timeout|terminated/i.test(error.message));
}
