/** Values by key, at most `maxEntries` of them: those that were set last. */
export class LatestEntries<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #maxEntries: number;

  constructor(maxEntries = 1000) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  /** Sets one, and returns the one that has gone for it. */
  set(key: string, value: Value): Value | undefined {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    const [oldest] = this.#entries.size > this.#maxEntries ? this.#entries : [];
    if (oldest === undefined) return undefined;
    this.#entries.delete(oldest[0]);
    return oldest[1];
  }

  /** All that are kept, the latest first. */
  list(): Value[] {
    return [...this.#entries.values()].reverse();
  }
}
