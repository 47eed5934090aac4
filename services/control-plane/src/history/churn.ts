/** How many changes may come at once and stand alone, and how often one may after that. */
const burst = 20;
const everyMs = 5000;

/** Decides which changes of endpoints stand alone: all while they are few, and hardly any under churn. */
export class Churn {
  #allowance = burst;
  #sinceMs = Number.NEGATIVE_INFINITY;

  /** Whether a change that comes at `nowMs` stands alone. */
  admits(nowMs: number): boolean {
    const earned = Math.max(0, nowMs - this.#sinceMs) / everyMs;
    this.#allowance = Math.min(burst, this.#allowance + earned);
    this.#sinceMs = nowMs;
    if (this.#allowance < 1) return false;
    this.#allowance--;
    return true;
  }
}
