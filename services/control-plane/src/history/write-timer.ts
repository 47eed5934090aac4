/**
 * Calls back at the earliest of the times that were asked for, and never sooner than `paceMs` after the call before. It does not keep
 * the process alive.
 */
export class WriteTimer {
  readonly #paceMs: number;
  readonly #onDue: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(paceMs: number, onDue: () => void) {
    this.#paceMs = paceMs;
    this.#onDue = onDue;
  }

  set(afterMs: number): void {
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + afterMs, this.#lastMs + this.#paceMs);
    if (this.#closed || dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#lastMs = performance.now();
      this.#onDue();
    }, dueMs - nowMs).unref();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}
