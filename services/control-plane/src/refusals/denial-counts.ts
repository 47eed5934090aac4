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

/** Methods that one caller has entries for; more are counted together, and take no place of other callers. */
const maxMethodsPerCaller = 100;

/** What calls beyond that are counted under. */
export const otherMethods = 'other methods';

/** Counts refused calls by caller and method. Paths are the callers' to choose, so at most `maxEntries` are kept, the latest. */
export class DenialCounts {
  readonly #counts: LatestEntries<DenialCount>;
  readonly #perCaller = new Map<string, number>();

  constructor(maxEntries?: number) {
    this.#counts = new LatestEntries(maxEntries);
  }

  /** Counts one; true when it is the first of its kind. */
  add({ caller, message }: Refusal, path: string, nowMs: number = Date.now()): boolean {
    const own = this.#perCaller.get(caller) ?? 0;
    const named = path.slice(0, 256);
    const isNew = this.#counts.get(`${caller} ${named}`) === undefined;
    const method = isNew && own >= maxMethodsPerCaller ? otherMethods : named;
    const key = `${caller} ${method}`;
    const before = this.#counts.get(key);
    if (before === undefined) this.#perCaller.set(caller, own + 1);
    const count = (before?.count ?? 0) + 1;
    const gone = this.#counts.set(key, { caller, method, count, lastAtMs: nowMs, message });
    if (gone !== undefined) this.#forget(gone.caller);
    return before === undefined;
  }

  #forget(caller: string): void {
    const left = (this.#perCaller.get(caller) ?? 1) - 1;
    if (left > 0) this.#perCaller.set(caller, left);
    else this.#perCaller.delete(caller);
  }

  /** All that are kept, the latest first. */
  list(): DenialCount[] {
    return this.#counts.list();
  }
}
