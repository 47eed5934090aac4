/** Delays between starts of a process that does not stay up: 1 s, doubling to 30 s, and from 1 s again after a good run. */
export class Backoff {
  #failures = 0;

  /** How long to wait before the next start, after a run of `ranMs`. */
  next(ranMs: number): number {
    if (ranMs >= goodRunMs) this.#failures = 0;
    const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** this.#failures);
    this.#failures++;
    return delayMs;
  }

  /** The number of consecutive failed starts. */
  get failures(): number {
    return this.#failures;
  }
}

const firstDelayMs = 1_000;
const maxDelayMs = 30_000;
/** A process that ran for this long was not in a crash loop. */
const goodRunMs = 60_000;
