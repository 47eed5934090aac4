import { type Collection, StoredCollection } from './collection.ts';

/** A collection whose values are set from outside, within a turn. Every method throws outside one and inside a derivation. */
export interface Source<V> extends Collection<V> {
  /** Sets a value. A value that is the same as before changes nothing, and `undefined` deletes. */
  set(key: string, value: V): void;
  /** Deletes a key. A key that is not there changes nothing. */
  delete(key: string): void;
  /** Makes these the only entries. The last entry of a key counts. */
  replace(entries: Iterable<readonly [key: string, value: V]>): void;
}

/** A source as its graph keeps it. */
export class StoredSource<V> extends StoredCollection<V> implements Source<V> {
  set(key: string, value: V): void {
    this.#mayChange();
    this.put(key, value);
  }

  delete(key: string): void {
    this.#mayChange();
    this.put(key, undefined);
  }

  replace(entries: Iterable<readonly [key: string, value: V]>): void {
    this.#mayChange();
    const gone = new Set(this.peekKeys());
    for (const [key, value] of entries) {
      gone.delete(key);
      this.put(key, value);
    }
    for (const key of gone) this.put(key, undefined);
  }

  #mayChange(): void {
    if (!this.around.changing) throw new Error(`${this.name}: a source changes only within \`Graph.turn\``);
  }
}
