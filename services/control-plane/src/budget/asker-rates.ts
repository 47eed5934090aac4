import { type Rate, TokenBucket } from './token-bucket.ts';

/** Askers that are remembered. A name beyond that takes the place of the one that asked first. */
const maxAskers = 10_000;

/** A token bucket for each asker, by name. Buckets that are full are forgotten when there are many. */
export class AskerRates {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, TokenBucket>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  /** `now`: milliseconds that never go back. Default: performance.now. */
  constructor(rate: Rate, now: () => number = () => performance.now()) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes an amount from an asker's bucket. False: it has not so much left, and nothing is taken. */
  take(asker: string, amount: number): boolean {
    const nowMs = this.#now();
    let bucket = this.#buckets.get(asker);
    if (bucket === undefined) {
      if (this.#buckets.size >= maxAskers) this.#forget(nowMs);
      bucket = new TokenBucket(this.#rate, nowMs);
      this.#buckets.set(asker, bucket);
    }
    return bucket.take(amount, nowMs);
  }

  #forget(nowMs: number): void {
    if (nowMs - this.#sweptMs >= 1000) {
      this.#sweptMs = nowMs;
      for (const [asker, bucket] of this.#buckets) if (bucket.isFull(nowMs)) this.#buckets.delete(asker);
    }
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= maxAskers && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
