/** One key of a derived collection's input: what is computed, and recomputed, as a whole. */
export class Cell {
  readonly key: string;
  /** The derived collection that computes it. */
  readonly owner: CellOwner;
  /** What the last computation read. */
  readonly reads: Watchers[] = [];

  constructor(owner: CellOwner, key: string) {
    this.owner = owner;
    this.key = key;
  }

  /** Forgets what the last computation read. */
  release(): void {
    for (const watchers of this.reads) watchers.remove(this);
    this.reads.length = 0;
  }
}

/** As much of a derived collection as those need that it reads. */
export interface CellOwner {
  readonly name: string;
  readonly order: number;
  /** Computes a key again within this turn. */
  markDirty(key: string): void;
}

/** The cells that have read one thing: a key, a bucket of an index, or all of a collection. */
export class Watchers {
  readonly #cells = new Set<Cell>();
  readonly #onEmpty: () => void;

  /** `onEmpty`: called when the last cell has gone, so that nothing is kept for what nobody reads. */
  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  get size(): number {
    return this.#cells.size;
  }

  /** Notes that a cell has read this. */
  add(cell: Cell): void {
    if (this.#cells.has(cell)) return;
    this.#cells.add(cell);
    cell.reads.push(this);
  }

  /** For `Cell.release` only. */
  remove(cell: Cell): void {
    this.#cells.delete(cell);
    if (this.#cells.size === 0) this.#onEmpty();
  }

  /** Has every cell computed again. */
  markDirty(): void {
    for (const { owner, key } of this.#cells) owner.markDirty(key);
  }
}
