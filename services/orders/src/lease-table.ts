import type { Database } from '@weft/service-kit';

/** Work at a step that this replica may do until the lease ends. */
export interface Lease<Step extends string> {
  readonly id: string;
  readonly step: Step;
  /** Failed tries of this step. */
  readonly attempt: number;
  /** When this step became due for the first time, in milliseconds since the epoch. */
  readonly sinceMs: number;
  /** Every change that is made under this lease names it; a later lease has a higher one. */
  readonly number: bigint;
  /** W3C trace context of the call that began the work. */
  readonly traceParent: string | undefined;
}

/** How long leases last. */
export interface LeaseTerms {
  /** Names this replica, for those who look into the table. */
  readonly holder: string;
  readonly leaseMs: number;
}

/** The leases of `order_steps`. Times are the database's, so that the clocks of replicas do not matter. */
export class LeaseTable<Step extends string> {
  readonly #db: Database;
  readonly #terms: LeaseTerms;

  constructor(db: Database, terms: LeaseTerms) {
    this.#db = db;
    this.#terms = terms;
  }

  /** Takes up to `max` leases on work that is due and not held, the longest due first. */
  async claim(max: number): Promise<Lease<Step>[]> {
    const { rows } = await this.#db.query<LeaseRow<Step>>(
      // Materialized: the planner may otherwise run the subquery more than once and lock more than it takes.
      `with due as materialized (
         select order_id from order_steps
         where state = 'ready' and run_after <= now() and (lease_until is null or lease_until <= now())
         order by run_after limit $1 for update skip locked
       )
       update order_steps set
         lease_holder = $2, lease_number = lease_number + 1, lease_until = now() + $3 * interval '1 millisecond'
       from due where order_steps.order_id = due.order_id
       returning order_steps.order_id, step, attempt, since, lease_number, trace_parent`,
      [max, this.#terms.holder, this.#terms.leaseMs],
    );
    return rows.map((row) => ({
      id: row.order_id,
      step: row.step,
      attempt: row.attempt,
      sinceMs: row.since.getTime(),
      number: row.lease_number,
      traceParent: row.trace_parent ?? undefined,
    }));
  }

  /** Renews leases; returns the ids of those that are still held. */
  async renew(leases: readonly Lease<Step>[]): Promise<Set<string>> {
    const { rows } = await this.#db.query<{ order_id: string }>(
      `update order_steps set lease_until = now() + $3 * interval '1 millisecond'
       from unnest($1::uuid[], $2::bigint[]) as held (id, number)
       -- One that was given back meanwhile stays so: its number is the same until the next claim.
       where order_id = held.id and lease_number = held.number and state = 'ready' and lease_until is not null
       returning order_id`,
      [leases.map((lease) => lease.id), leases.map((lease) => lease.number), this.#terms.leaseMs],
    );
    return new Set(rows.map((row) => row.order_id));
  }

  /** Gives a lease back after a failed try, to be claimed again by anyone after `delayMs`. */
  async postpone(lease: Lease<Step>, delayMs: number): Promise<void> {
    await this.#db.query(
      `update order_steps set
         attempt = attempt + 1, run_after = now() + $3 * interval '1 millisecond', lease_holder = null, lease_until = null
       where order_id = $1 and lease_number = $2 and state = 'ready'`,
      [lease.id, lease.number, delayMs],
    );
  }

  /** Gives a lease back, to be claimed again by anyone at once. */
  async giveBack(lease: Lease<Step>): Promise<void> {
    await this.#db.query(
      `update order_steps set lease_holder = null, lease_until = null
       where order_id = $1 and lease_number = $2 and state = 'ready'`,
      [lease.id, lease.number],
    );
  }
}

interface LeaseRow<Step extends string> {
  readonly order_id: string;
  readonly step: Step;
  readonly attempt: number;
  readonly since: Date;
  readonly lease_number: bigint;
  readonly trace_parent: string | null;
}
