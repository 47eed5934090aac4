/** Random choices that are the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly [T, ...T[]] | readonly T[]): T {
    const found = from[this.int(0, from.length - 1)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.int(0, 255)));
  }

  /** A few changes to bytes: flips, cuts, repeats, insertions. */
  mutate(bytes: Uint8Array): Buffer {
    let changed = Buffer.from(bytes);
    for (let edits = this.int(1, 6); edits > 0; edits--) {
      const at = this.int(0, Math.max(0, changed.length - 1));
      const length = this.int(1, 16);
      switch (this.int(0, 3)) {
        case 0:
          if (changed.length > 0) changed[at] = this.int(0, 255);
          break;
        case 1:
          changed = Buffer.concat([changed.subarray(0, at), changed.subarray(at + length)]);
          break;
        case 2:
          changed = Buffer.concat([changed.subarray(0, at), this.bytes(length), changed.subarray(at)]);
          break;
        default:
          changed = Buffer.concat([changed, changed.subarray(at, at + length)]);
      }
    }
    return changed;
  }
}
