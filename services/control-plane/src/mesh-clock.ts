/** The longest that a timer of Node's can wait is 24.8 days; waking too early only makes the same mesh again. */
const longestWaitMs = 24 * 3_600_000;

/** Wakes the control plane at the moment at which time alone changes the mesh. One timer, and none while nothing will end. */
export class MeshClock {
  #timer: NodeJS.Timeout | undefined;

  /** Calls `again` at `nextChangeMs` (epoch milliseconds), in place of what was set before; undefined: never. */
  set(nextChangeMs: number | undefined, again: () => void): void {
    this.close();
    if (nextChangeMs === undefined) return;
    const waitMs = Math.min(Math.max(nextChangeMs - Date.now(), 0), longestWaitMs);
    this.#timer = setTimeout(again, waitMs);
    this.#timer.unref();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
