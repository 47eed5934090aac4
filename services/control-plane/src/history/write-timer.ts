/**
 * Calls back at the earliest of the times that were asked for, and never sooner than `paceMs` after the call before. It does not keep
 * the process alive.
 */
export class WriteTimer {
  readonly #paceMs: number;
  readonly #onDue: () => void;
  #lastMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #afterMs = Number.POSITIVE_INFINITY;
  #dueMs = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(paceMs: number, onDue: () => void) {
    this.#paceMs = paceMs;
    this.#onDue = onDue;
  }

  set(afterMs: number): void {
    // Most calls ask for what is set already. They come later than it was set, so they need not read the clock.
    if (this.#closed || afterMs >= this.#afterMs) return;
    const nowMs = performance.now();
    const dueMs = Math.max(nowMs + afterMs, this.#lastMs + this.#paceMs);
    if (dueMs >= this.#dueMs) return;
    clearTimeout(this.#timer);
    this.#afterMs = afterMs;
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => {
      this.#afterMs = Number.POSITIVE_INFINITY;
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
