import type { Database } from '../postgres/database.ts';
import type { RequestIdentity } from './idempotency-key.ts';
import type { Answer } from './key-record.ts';

/** An answer, or undefined when the attempt failed in a way that a repeat may mend. Never rejects. */
export type Flight = Promise<Answer | undefined>;

const flights = new WeakMap<Database, Map<string, Flight>>();

/**
 * The attempt of this process at the same key. Repeats wait for it here, where waiting takes no connection, so that a burst
 * of them cannot drain the pool that the first one needs.
 */
export function inFlight(db: Database, id: RequestIdentity): Flight | undefined {
  return flights.get(db)?.get(flightKey(id));
}

/** Makes `attempt` the one that repeats wait for. The result and any error of the attempt go to the caller. */
export async function fly(db: Database, id: RequestIdentity, attempt: () => Promise<Answer>): Promise<Answer> {
  const known = flights.get(db) ?? new Map<string, Flight>();
  flights.set(db, known);
  const key = flightKey(id);
  const landing = attempt();
  known.set(
    key,
    landing.catch(() => undefined),
  );
  try {
    return await landing;
  } finally {
    known.delete(key);
  }
}

function flightKey({ caller, method, key }: RequestIdentity): string {
  return JSON.stringify([caller, method, key]);
}
