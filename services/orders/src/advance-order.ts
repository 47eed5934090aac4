import type { Money } from '@shop/money-contract/v1';
import type { Database } from '@weft/service-kit';
import type { Lease } from './lease-table.ts';
import { needsCard, type OrderStep, type Transition } from './order-state.ts';
import type { Recorded } from './runner.ts';

/** What a step found out. */
export interface Findings {
  /** What the order costs. */
  readonly total?: Money;
  /** Why it is cancelled, for the customer. */
  readonly reason?: string;
}

/**
 * Moves an order on, under a lease: its step, its state, an event if the state is another, all in one statement. The card's
 * token goes with the step that needed it last. Changes nothing when the lease was taken over: its number is then another.
 */
export async function advanceOrder(
  db: Database,
  lease: Lease<OrderStep>,
  transition: Transition,
  findings: Findings,
  leaseMs: number,
): Promise<Recorded<OrderStep>> {
  const { state, next } = transition;
  const { rows } = await db.query(
    `with held as (
       update order_steps set
         step = coalesce($3, step),
         state = case when $3::text is null then 'done' else 'ready' end,
         attempt = 0,
         since = now(),
         run_after = now(),
         lease_holder = case when $3::text is null then null else lease_holder end,
         lease_until = case when $3::text is null then null else now() + $9 * interval '1 millisecond' end
       where order_id = $1 and lease_number = $2 and state = 'ready'
       returning order_id
     ), moved as (
       update orders set
         status = $4,
         reason = coalesce($5, reason),
         total_units = coalesce($6, total_units),
         total_nanos = coalesce($7, total_nanos),
         card_token = case when $8 then card_token end,
         sequence = case when status = $4 then sequence else sequence + 1 end,
         updated_at = case when status = $4 then updated_at else now() end
       from held where orders.order_id = held.order_id
       returning orders.*
     ), event as (
       insert into order_events (order_id, sequence, status, total_units, total_nanos, reason)
       select order_id, sequence, status, total_units, total_nanos, reason from moved
       -- The state is the same as before: its event is there.
       on conflict (order_id, sequence) do nothing
     )
     select order_id from moved`,
    [
      lease.id,
      lease.number,
      next ?? null,
      state,
      findings.reason ?? null,
      findings.total?.units ?? null,
      findings.total?.nanos ?? null,
      needsCard(next),
      leaseMs,
    ],
  );
  return rows.length === 0 ? 'lease lost' : { next };
}
