/** Who waits for room. */
export interface RoomUser {
  /** There is room again. `overdue`: there is not, and the user has waited long enough. */
  roomed(overdue: boolean): void;
}

export interface RoomLimits {
  /** Once so many bytes wait, nobody else begins. Default: 16 MiB. */
  readonly bytes: number;
  /** Nobody waits for longer: proxies that take nothing keep no other from its configuration. Default: 2 s. */
  readonly waitMs: number;
}

/**
 * Bounds the bytes that wait in the outputs of streams while proxies catch up, all streams together: after a restart every proxy asks
 * for everything at once, and the copies that the kernel has not taken yet would be the most that the process ever holds. It is given
 * in the order of asking. Streams that have caught up do not ask.
 */
export class Room {
  readonly #limits: RoomLimits;
  readonly #waiting = new Map<RoomUser, NodeJS.Timeout>();
  #bytes = 0;

  constructor({ bytes = 16 * 1024 * 1024, waitMs = 2000 }: Partial<RoomLimits> = {}) {
    this.#limits = { bytes, waitMs };
  }

  /** Bytes that wait now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the user may write; if not, it is told once it may. */
  admits(user: RoomUser): boolean {
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

  take(bytes: number): void {
    this.#bytes += bytes;
  }

  free(bytes: number): void {
    this.#bytes -= bytes;
    for (const user of this.#waiting.keys()) {
      if (this.#bytes >= this.#limits.bytes) return;
      this.leave(user);
      user.roomed(false);
    }
  }

  /** The user waits no longer. */
  leave(user: RoomUser): void {
    clearTimeout(this.#waiting.get(user));
    this.#waiting.delete(user);
  }
}
