import type { Watchers } from './watchers.ts';

/** As much of a derived collection as its inputs need. */
export interface CellOwner {
  readonly name: string;
  readonly order: number;
  /** Computes a key again within this turn. */
  markDirty(key: string): void;
}

/** One key of a derived collection's input. The derivation computes it as a whole. */
export class Cell {
  readonly key: string;
  /** The derived collection that computes it. */
  readonly owner: CellOwner;
  /** What the last computation read, each once. */
  reads: readonly Watchers[] = noReads;

  constructor(owner: CellOwner, key: string) {
    this.owner = owner;
    this.key = key;
  }

  /** Stops watching everything that the last computation read. */
  release(): void {
    for (const watchers of this.reads) watchers.remove(this);
    this.reads = noReads;
  }
}

const noReads: readonly Watchers[] = [];
