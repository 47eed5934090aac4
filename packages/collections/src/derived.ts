import { Cell, type CellOwner } from './cell.ts';
import type { StoredCollection } from './collection.ts';
import { sameValue } from './same-value.ts';

/** Something that a derivation could not compute. What it had computed before stays. */
export interface Failure {
  /** The derived collection. */
  readonly collection: string;
  /** The key of its input. */
  readonly key: string;
  readonly error: unknown;
}

/** Options of a derived collection. */
export interface DeriveOptions<O> {
  /** Whether two outputs say the same, so that nobody need hear of the second. Default: `sameValue`. */
  readonly same?: (a: O, b: O) => boolean;
}

/** The keys of a derived collection's input that are there, and how one is computed. */
export interface Computation<O> {
  /** Whether the input has the key. */
  has(key: string): boolean;
  /** All outputs of a key. */
  compute(key: string, cell: Cell): Iterable<readonly [key: string, value: O]>;
}

/** A collection whose values are computed, each from one key of its input and from what that computation reads. */
export class DerivedCollection<O> implements CellOwner {
  readonly output: StoredCollection<O>;
  readonly #computation: Computation<O>;
  readonly #same: (a: O, b: O) => boolean;
  readonly #cells = new Map<string, Cell>();
  /** The outputs of each input key. */
  readonly #outputs = new Map<string, ReadonlyMap<string, O>>();
  /** Input keys that give one output key, where there are several; the first in order counts. */
  readonly #rivals = new Map<string, Set<string>>();
  readonly #owners = new Map<string, string>();
  readonly #failures = new Map<string, Failure>();
  #dirty = new Set<string>();

  constructor(output: StoredCollection<O>, computation: Computation<O>, { same = sameValue }: DeriveOptions<O>) {
    this.output = output;
    this.#computation = computation;
    this.#same = same;
  }

  get name(): string {
    return this.output.name;
  }

  get order(): number {
    return this.output.order;
  }

  get failures(): ReadonlyMap<string, Failure> {
    return this.#failures;
  }

  markDirty(key: string): void {
    this.#dirty.add(key);
  }

  /** Computes what has changed within this turn. Returns how many keys that were. */
  settle(): number {
    if (this.#dirty.size === 0) return 0;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    let computed = 0;
    for (const key of dirty) {
      if (!this.#computation.has(key)) {
        this.#forget(key);
        continue;
      }
      computed++;
      this.#compute(key);
      // What remembers has let the key go.
      if (!this.#computation.has(key)) this.#forget(key);
    }
    return computed;
  }

  #compute(key: string): void {
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      cell = new Cell(this, key);
      this.#cells.set(key, cell);
    }
    cell.release();
    let fresh: ReadonlyMap<string, O>;
    try {
      fresh = new Map(this.#computation.compute(key, cell));
    } catch (error) {
      this.#failures.set(key, { collection: this.name, key, error });
      return;
    }
    this.#failures.delete(key);
    this.#replace(key, fresh);
  }

  #forget(key: string): void {
    this.#cells.get(key)?.release();
    this.#cells.delete(key);
    this.#failures.delete(key);
    this.#replace(key, none);
  }

  #replace(key: string, fresh: ReadonlyMap<string, O>): void {
    const before = this.#outputs.get(key) ?? none;
    if (fresh.size === 0) this.#outputs.delete(key);
    else this.#outputs.set(key, fresh);
    for (const name of before.keys()) if (!fresh.has(name)) this.#disclaim(name, key);
    for (const [name, value] of fresh) {
      if (this.#claim(name, key)) this.#put(name, value);
    }
  }

  #put(name: string, value: O | undefined): void {
    const before = this.output.peek(name);
    if (before === value || (before !== undefined && value !== undefined && this.#same(before, value))) return;
    this.output.put(name, value);
  }

  /** Whether an output of this input key is the one that counts. */
  #claim(name: string, key: string): boolean {
    const owner = this.#owners.get(name);
    if (owner === undefined || owner === key) {
      this.#owners.set(name, key);
      return true;
    }
    const rivals = this.#rivals.get(name) ?? new Set([owner]);
    this.#rivals.set(name, rivals.add(key));
    if (owner < key) return false;
    this.#owners.set(name, key);
    return true;
  }

  #disclaim(name: string, key: string): void {
    const rivals = this.#rivals.get(name);
    rivals?.delete(key);
    if (rivals && rivals.size < 2) this.#rivals.delete(name);
    if (this.#owners.get(name) !== key) return;
    const [heir] = [...(rivals ?? [])].sort();
    if (heir === undefined) this.#owners.delete(name);
    else this.#owners.set(name, heir);
    this.#put(name, heir === undefined ? undefined : this.#outputs.get(heir)?.get(name));
  }
}

const none: ReadonlyMap<string, never> = new Map<string, never>();
