/** Who waits for room, or has taken some. */
export interface RoomUser {
  /** There is room again. `overdue`: there is not, and the user has waited long enough. */
  roomed(overdue: boolean): void;
}

export interface RoomLimits {
  /** Once so many bytes wait, nobody else begins. Default: 16 MiB. */
  readonly bytes: number;
  /**
   * Nobody waits for longer, and bytes that wait for longer count no more: proxies that take nothing keep no other from its
   * configuration. Default: 2 s.
   */
  readonly waitMs: number;
}

interface Taken {
  bytes: number;
  /** When its proxy stopped to read. */
  readonly sinceMs: number;
}

/**
 * Bounds the bytes that wait in the outputs of streams while proxies catch up, all streams together: after a restart every proxy asks
 * for everything at once, and the copies that the kernel has not taken yet would be the most that the process ever holds. It is given
 * in the order of asking. Streams that have caught up do not ask. Bytes of a proxy that reads nothing count for `waitMs` and no
 * longer, so that it costs the first newcomer a wait, and those that follow none.
 */
export class Room {
  readonly #limits: RoomLimits;
  readonly #now: () => number;
  readonly #waiting = new Map<RoomUser, NodeJS.Timeout>();
  /** The oldest first. */
  readonly #taken = new Map<RoomUser, Taken>();
  #bytes = 0;

  /** `now`: milliseconds that never go back. Default: performance.now. */
  constructor({ bytes = 16 * 1024 * 1024, waitMs = 2000 }: Partial<RoomLimits> = {}, now = () => performance.now()) {
    this.#limits = { bytes, waitMs };
    this.#now = now;
  }

  /** Bytes that wait now, but for those of proxies that read nothing. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the user may write; if not, it is told once it may. */
  admits(user: RoomUser): boolean {
    if (this.#bytes >= this.#limits.bytes) this.#writeOff();
    if (this.#bytes < this.#limits.bytes) return true;
    if (!this.#waiting.has(user)) {
      const overdue = () => {
        this.#waiting.delete(user);
        user.roomed(true);
      };
      this.#waiting.set(user, setTimeout(overdue, this.#limits.waitMs).unref());
    }
    return false;
  }

  take(user: RoomUser, bytes: number): void {
    const taken = this.#taken.get(user);
    if (taken === undefined) this.#taken.set(user, { bytes, sinceMs: this.#now() });
    else taken.bytes += bytes;
    this.#bytes += bytes;
  }

  /** The user's output has taken all that waited. */
  free(user: RoomUser): void {
    this.#forget(user);
    for (const next of this.#waiting.keys()) {
      if (this.#bytes >= this.#limits.bytes) return;
      this.leave(next);
      next.roomed(false);
    }
  }

  /** The user waits no longer. */
  leave(user: RoomUser): void {
    clearTimeout(this.#waiting.get(user));
    this.#waiting.delete(user);
  }

  #writeOff(): void {
    const nowMs = this.#now();
    for (const [user, { sinceMs }] of this.#taken) {
      if (nowMs - sinceMs < this.#limits.waitMs) return;
      this.#forget(user);
    }
  }

  #forget(user: RoomUser): void {
    this.#bytes -= this.#taken.get(user)?.bytes ?? 0;
    this.#taken.delete(user);
  }
}
