import { setTimeout as delay } from 'node:timers/promises';
import { Outage } from '@weft/service-kit';
import type { Logger } from 'pino';
import { type Backoff, backoffMs } from './backoff.ts';
import type { Lease, LeaseTable } from './lease-table.ts';
import { withinTrace } from './within-trace.ts';

/** The work that a runner does, step by step. It knows what the steps are; the runner knows when and by whom. */
export interface Workflow<Step extends string, Result> {
  /** Does a step. May be done again after any crash, so what it calls must recognize a repeat. */
  perform(lease: Lease<Step>, signal: AbortSignal): Promise<Result>;
  /** Records that a step is done, in one transaction that changes nothing unless the lease is still held. */
  succeed(lease: Lease<Step>, result: Result): Promise<Recorded<Step>>;
  /** Records that a step has failed for good, likewise. */
  fail(lease: Lease<Step>, error: unknown): Promise<Recorded<Step>>;
  /** Whether a failed step must be tried again, and not recorded as failed. */
  triesAgain(lease: Lease<Step>, error: unknown): boolean;
}

/** What became of a record: the step that is next, undefined after the last; or the lease was no longer held. */
export type Recorded<Step extends string> = { readonly next: Step | undefined } | 'lease lost';

/** How a runner works. */
export interface RunnerOptions<Step extends string, Result> {
  readonly leases: LeaseTable<Step>;
  readonly workflow: Workflow<Step, Result>;
  readonly log: Logger;
  /** How often leases are renewed; a third of their length or less. */
  readonly renewMs: number;
  /** How long until it looks for work by itself: a backstop for wakes that were lost and leases that others left. */
  readonly pollMs: number;
  /** Pieces of work at once. */
  readonly maxConcurrent: number;
  readonly backoff: Backoff;
}

/** Aborts a step whose lease was taken over. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/**
 * Does what is due in a lease table, on this replica among others. Work whose replica died goes on wherever its lease is
 * claimed next. Starts at once; it stops only by `stop`.
 */
export class Runner<Step extends string, Result> {
  readonly #options: RunnerOptions<Step, Result>;
  readonly #held = new Map<Lease<Step>['id'], Held<Step>>();
  readonly #stopping = new AbortController();
  #wake = Promise.withResolvers<void>();
  readonly #claiming: Promise<void>;
  readonly #renewing: Promise<void>;

  constructor(options: RunnerOptions<Step, Result>) {
    this.#options = options;
    this.#claiming = this.#claimLoop();
    this.#renewing = this.#renewLoop();
  }

  /** Looks for work now. */
  wake(): void {
    this.#wake.resolve();
  }

  /**
   * Claims nothing more, gives steps under way `graceMs` to end, then aborts them. What is not finished is given back, so
   * that another replica goes on with it at once.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.wake();
    await this.#claiming;
    const ended = Promise.all([...this.#held.values()].map((held) => held.ended));
    const grace = new AbortController();
    await Promise.race([ended, delay(graceMs, undefined, { signal: grace.signal }).catch(() => {})]);
    grace.abort();
    for (const held of this.#held.values()) held.abort.abort(new LeaseLost('the replica is stopping'));
    await ended;
    await this.#renewing;
  }

  async #claimLoop(): Promise<void> {
    const { leases, log, maxConcurrent, pollMs } = this.#options;
    const outage = new Outage(log, 'no work can be claimed');
    while (!this.#stopping.signal.aborted) {
      // Before the claim: a wake during it must not be lost.
      this.#wake = Promise.withResolvers<void>();
      const free = maxConcurrent - this.#held.size;
      let claimed = 0;
      if (free > 0) {
        try {
          const work = await leases.claim(free);
          outage.over();
          claimed = work.length;
          for (const lease of work) this.#start(lease);
        } catch (error) {
          outage.failed(error);
        }
      }
      // All that was free was taken: there may be more as soon as something ends, which wakes.
      if (claimed === 0 || claimed === free) await this.#sleep(pollMs);
    }
  }

  async #sleep(ms: number): Promise<void> {
    const timer = new AbortController();
    await Promise.race([this.#wake.promise, delay(ms, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
  }

  async #renewLoop(): Promise<void> {
    const { leases, log, renewMs } = this.#options;
    const outage = new Outage(log, 'leases cannot be renewed');
    const { signal } = this.#stopping;
    // Steps under way keep their leases while the replica stops.
    while (!signal.aborted || this.#held.size > 0) {
      await delay(signal.aborted ? Math.min(renewMs, 100) : renewMs, undefined, signal.aborted ? {} : { signal }).catch(
        () => {},
      );
      const mine = [...this.#held.values()];
      if (mine.length === 0) continue;
      try {
        const renewed = await leases.renew(mine.map((held) => held.lease));
        outage.over();
        for (const held of mine) {
          if (!renewed.has(held.lease.id))
            held.abort.abort(new LeaseLost(`the lease on ${held.lease.id} was taken over`));
        }
      } catch (error) {
        // Whether the leases still hold is not known; the lease's number in each record decides.
        outage.failed(error);
      }
    }
  }

  #start(lease: Lease<Step>): void {
    const held: Held<Step> = { lease, abort: new AbortController(), ended: Promise.resolve() };
    this.#held.set(lease.id, held);
    held.ended = this.#run(held)
      .catch((error: unknown) => {
        // The lease ends by itself and whoever claims it does the step again.
        this.#options.log.warn({ err: error, id: lease.id, step: held.lease.step }, 'a step could not be recorded');
      })
      .finally(() => {
        if (this.#held.get(lease.id) === held) this.#held.delete(lease.id);
        this.wake();
      });
  }

  async #run(held: Held<Step>): Promise<void> {
    const { leases, log } = this.#options;
    for (;;) {
      const { lease } = held;
      if (this.#stopping.signal.aborted) return await leases.giveBack(lease);
      const recorded = await withinTrace(lease.traceParent, `step ${lease.step}`, () => this.#step(held));
      if (recorded === 'postponed') return;
      if (recorded === 'lease lost') {
        log.info(
          { id: lease.id, step: lease.step },
          'nothing was recorded of a step: its lease was given up or taken over',
        );
        return;
      }
      if (recorded.next === undefined) return;
      held.lease = { ...lease, step: recorded.next, attempt: 0, sinceMs: Date.now() };
    }
  }

  async #step({ lease, abort }: Held<Step>): Promise<Recorded<Step> | 'postponed'> {
    const { workflow, leases, log, backoff } = this.#options;
    let result: Result;
    try {
      result = await workflow.perform(lease, abort.signal);
    } catch (error) {
      if (abort.signal.reason instanceof LeaseLost) {
        await leases.giveBack(lease);
        return 'lease lost';
      }
      if (!workflow.triesAgain(lease, error)) return await workflow.fail(lease, error);
      const waitMs = backoffMs(backoff, lease.attempt + 1);
      log.warn(
        { err: error, id: lease.id, step: lease.step, attempt: lease.attempt + 1, waitMs },
        'a step failed; trying again',
      );
      await leases.postpone(lease, waitMs);
      // This replica knows when; others poll.
      setTimeout(() => this.wake(), waitMs + 5).unref();
      return 'postponed';
    }
    return await workflow.succeed(lease, result);
  }
}

interface Held<Step extends string> {
  lease: Lease<Step>;
  readonly abort: AbortController;
  ended: Promise<void>;
}
