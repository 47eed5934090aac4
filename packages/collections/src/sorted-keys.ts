/** How many keys a list may gain or lose between two readings before sorting it anew is cheaper. */
const maxInsertions = 8;
/** Below this length, inserting is always cheaper than sorting. */
const shortLength = 64;

/**
 * A set of keys that is read in order. A key that comes or goes costs one copy of the list; many at once cost one sort when the list is
 * next read. A list that was handed out never changes.
 */
export class SortedKeys {
  #list: readonly string[] = [];
  /** The keys while too many come and go to keep the list in order. */
  #loose: Set<string> | undefined;
  #insertions = 0;

  get size(): number {
    return this.#loose?.size ?? this.#list.length;
  }

  /** The keys, sorted by their UTF-16 code units. */
  get list(): readonly string[] {
    this.#insertions = 0;
    if (this.#loose !== undefined) {
      this.#list = [...this.#loose].sort();
      this.#loose = undefined;
    }
    return this.#list;
  }

  add(key: string): void {
    if (this.#isLoose()) {
      this.#loose?.add(key);
      return;
    }
    const list = this.#list;
    const at = position(list, key);
    if (list[at] === key) return;
    this.#list = list.length === 0 ? [key] : list.toSpliced(at, 0, key);
  }

  delete(key: string): void {
    if (this.#isLoose()) {
      this.#loose?.delete(key);
      return;
    }
    const at = position(this.#list, key);
    if (this.#list[at] === key) this.#list = this.#list.toSpliced(at, 1);
  }

  #isLoose(): boolean {
    if (this.#loose !== undefined) return true;
    if (this.#list.length < shortLength || ++this.#insertions <= maxInsertions) return false;
    this.#loose = new Set(this.#list);
    this.#list = [];
    return true;
  }
}

/** Where a key is in a sorted list, or would be. */
function position(list: readonly string[], key: string): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = list[middle];
    if (candidate !== undefined && candidate < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
