import { Code } from '@connectrpc/connect';
import type { Queryable } from '../postgres/database.ts';
import { ServiceError } from '../service-error.ts';
import type { RequestIdentity } from './idempotency-key.ts';
import type { StoredError } from './stored-error.ts';

/** What a keyed request was answered. */
export interface Answer {
  readonly requestHash: Buffer;
  /** The serialized message, or: */
  readonly response: Buffer | null;
  readonly error: StoredError | null;
}

/** The right to work on the answer. */
export interface Lease {
  readonly number: number;
  /** What `begin` decided; undefined before it has. */
  readonly state: unknown;
}

const row = 'caller = $1 and method = $2 and key = $3';
const held = `${row} and lease_number = $4 and response is null and error is null`;

/**
 * Makes the record of a request that is not known, or only by a record that has expired, with a lease for `leaseMs`.
 * Undefined when it is known. Waits for another transaction that is just making it.
 */
export async function createRecord(db: Queryable, id: RequestIdentity, leaseMs: number): Promise<Lease | undefined> {
  const { rows } = await db.query<{ lease_number: number }>(
    `insert into idempotency_keys as known (caller, method, key, request_hash, lease_until)
     values ($1, $2, $3, $4, now() + $5 * interval '1 millisecond')
     on conflict (caller, method, key) do update set
       request_hash = excluded.request_hash, lease_until = excluded.lease_until, expires_at = excluded.expires_at,
       lease_number = known.lease_number + 1, state = null, response = null, error = null
     where known.expires_at <= now()
     returning lease_number`,
    [id.caller, id.method, id.key, id.requestHash, leaseMs],
  );
  return rows[0] && { number: rows[0].lease_number, state: undefined };
}

/** The answer, if there is one. */
export async function readAnswer(db: Queryable, id: RequestIdentity): Promise<Answer | undefined> {
  const { rows } = await db.query<{ request_hash: Buffer; response: Buffer | null; error: StoredError | null }>(
    `select request_hash, response, error from idempotency_keys where ${row} and expires_at > now()`,
    [id.caller, id.method, id.key],
  );
  const found = rows[0];
  if (!found) return undefined;
  refuseOtherRequest(id, found.request_hash);
  if (found.response === null && found.error === null) return undefined;
  return { requestHash: found.request_hash, response: found.response, error: found.error };
}

/** Takes the work over when the lease has ended; undefined when it has not, or somebody was faster. */
export async function takeOver(db: Queryable, id: RequestIdentity, leaseMs: number): Promise<Lease | undefined> {
  const { rows } = await db.query<{ lease_number: number; state: unknown }>(
    `update idempotency_keys
     set lease_number = lease_number + 1, lease_until = now() + $4 * interval '1 millisecond'
     where ${row} and lease_until <= now() and response is null and error is null
     returning lease_number, state`,
    [id.caller, id.method, id.key, leaseMs],
  );
  return rows[0] && { number: rows[0].lease_number, state: rows[0].state };
}

/** Keeps what `begin` decided. False when the lease was lost. */
export function storeState(db: Queryable, id: RequestIdentity, lease: number, state: unknown): Promise<boolean> {
  return update(db, id, lease, 'state = $5', JSON.stringify(state ?? null));
}

/** Renews the lease, or with 0 ends it at once. False when it was lost. */
export function renew(db: Queryable, id: RequestIdentity, lease: number, leaseMs: number): Promise<boolean> {
  return update(db, id, lease, "lease_until = now() + $5 * interval '1 millisecond'", leaseMs);
}

/** Keeps the answer. False when the lease was lost: then somebody else's counts. */
export function storeAnswer(db: Queryable, id: RequestIdentity, lease: number, answer: Answer): Promise<boolean> {
  return answer.error
    ? update(db, id, lease, 'error = $5', JSON.stringify(answer.error))
    : update(db, id, lease, 'response = $5', answer.response);
}

/** Throws ALREADY_EXISTS when the key was used for a request other than `id`'s. */
export function refuseOtherRequest(id: RequestIdentity, requestHash: Buffer): void {
  if (requestHash.equals(id.requestHash)) return;
  throw new ServiceError(
    Code.AlreadyExists,
    `${id.method}: the idempotency key "${id.key}" was used for another request; choose a new key`,
  );
}

async function update(db: Queryable, id: RequestIdentity, lease: number, set: string, value: unknown) {
  const { rowCount } = await db.query(`update idempotency_keys set ${set} where ${held}`, [
    id.caller,
    id.method,
    id.key,
    lease,
    value,
  ]);
  return rowCount === 1;
}
