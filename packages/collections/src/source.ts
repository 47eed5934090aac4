import type { Collection } from './collection.ts';

/** A collection that is told its values, within a turn. */
export interface Source<V> extends Collection<V> {
  /** Sets a value. One that says the same as before is none. */
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Makes these all that there is. */
  replace(entries: Iterable<readonly [key: string, value: V]>): void;
}
