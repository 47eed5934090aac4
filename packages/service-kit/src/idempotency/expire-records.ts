import { runOutsideCalls } from '../current-call.ts';
import type { Database } from '../postgres/database.ts';

/** Records deleted at once: a short transaction, also where millions have expired. */
const batch = 1_000;

/** At least so long between two rounds of one process. */
const everyMs = 60_000;

const nextRound = new WeakMap<Database, number>();

/** Deletes expired records now and then. Returns at once; a failure is left to the next round. */
export function expireRecords(db: Database): void {
  if (Date.now() < (nextRound.get(db) ?? 0)) return;
  nextRound.set(db, Date.now() + everyMs);
  // Not part of the call that happened to come by: its deadline and its trace are its own.
  runOutsideCalls(() => deleteExpired(db)).then(
    (deleted) => {
      if (deleted === batch) nextRound.set(db, 0);
    },
    () => {},
  );
}

/** Deletes up to a thousand expired records; returns how many. */
export async function deleteExpired(db: Database): Promise<number> {
  const { rowCount } = await db.query(
    // Skips what another replica is just deleting.
    `delete from idempotency_keys where (caller, method, key) in (
       select caller, method, key from idempotency_keys where expires_at <= now()
       order by expires_at limit ${batch} for update skip locked
     )`,
  );
  return rowCount;
}
