import type { Cell } from './cell.ts';

/** What holds watchers by key, and forgets those that have become empty. */
export interface Watched {
  /** Nothing reads the key any more. */
  unwatched(key: string): void;
}

/**
 * The cells that have read one thing: a key, a bucket of an index, or all of a collection. Most things have one reader, so a single reader
 * is kept without a set.
 */
export class Watchers {
  /** The computation that last read this. Only `TrackedRead` sets it, to see each read once. */
  readBy = 0;
  readonly #holder: Watched;
  readonly #key: string;
  #cells: Cell | Set<Cell> | undefined;

  constructor(holder: Watched, key: string) {
    this.#holder = holder;
    this.#key = key;
  }

  /** Adds a reader, once. */
  add(cell: Cell): void {
    const cells = this.#cells;
    if (cells === undefined) this.#cells = cell;
    else if (cells instanceof Set) cells.add(cell);
    else if (cells !== cell) this.#cells = new Set([cells, cell]);
  }

  /** Removes a reader. The holder forgets these watchers when that was the last one. */
  remove(cell: Cell): void {
    const cells = this.#cells;
    if (cells instanceof Set) {
      cells.delete(cell);
      if (cells.size > 0) return;
    } else if (cells !== cell) return;
    this.#cells = undefined;
    this.#holder.unwatched(this.#key);
  }

  get size(): number {
    const cells = this.#cells;
    if (cells === undefined) return 0;
    return cells instanceof Set ? cells.size : 1;
  }

  /** Has every reader computed again within this turn. */
  markDirty(): void {
    const cells = this.#cells;
    if (cells === undefined) return;
    if (cells instanceof Set) for (const cell of cells) cell.owner.markDirty(cell.key);
    else cells.owner.markDirty(cells.key);
  }

  /** The names of the collections that read this. */
  *readers(): Iterable<string> {
    const cells = this.#cells;
    if (cells instanceof Set) for (const { owner } of cells) yield owner.name;
    else if (cells !== undefined) yield cells.owner.name;
  }
}
