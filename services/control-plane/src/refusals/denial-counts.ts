import { LatestEntries } from './latest-entries.ts';
import type { Refusal } from './refusal.ts';

/** Calls that one caller was refused, since the start. */
export interface DenialCount {
  readonly caller: string;
  /** "/shop.payments.v1.PaymentService/Authorize". */
  readonly method: string;
  readonly count: number;
  readonly lastAtMs: number;
  /** The sentence that the caller was given last. */
  readonly message: string;
}

/** Counts refused calls by caller and method. Paths are the callers' to choose, so at most `maxEntries` are kept, the latest. */
export class DenialCounts {
  readonly #counts: LatestEntries<DenialCount>;

  constructor(maxEntries?: number) {
    this.#counts = new LatestEntries(maxEntries);
  }

  /** Counts one; true when it is the first of its kind. */
  add({ caller, message }: Refusal, path: string, nowMs: number = Date.now()): boolean {
    const method = path.slice(0, 256);
    const key = `${caller} ${method}`;
    const before = this.#counts.get(key);
    this.#counts.set(key, { caller, method, count: (before?.count ?? 0) + 1, lastAtMs: nowMs, message });
    return before === undefined;
  }

  /** All that are kept, the latest first. */
  list(): DenialCount[] {
    return this.#counts.list();
  }
}
