import type { StoredCollection } from './collection.ts';
import { SortedKeys } from './sorted-keys.ts';

/** The outputs of one input key. */
interface Outputs<O> extends Iterable<readonly [name: string, value: O]> {
  get(name: string): O | undefined;
  has(name: string): boolean;
}

/** A single output, which is the common case, in a quarter of the memory of a map. */
class SingleOutput<O> implements Outputs<O> {
  readonly #name: string;
  readonly #value: O;

  constructor(name: string, value: O) {
    this.#name = name;
    this.#value = value;
  }

  get(name: string): O | undefined {
    return name === this.#name ? this.#value : undefined;
  }

  has(name: string): boolean {
    return name === this.#name;
  }

  [Symbol.iterator](): Iterator<readonly [string, O]> {
    return [[this.#name, this.#value] as const].values();
  }
}

/** Which input key gives which outputs. The first in order of several input keys that give one output is the one that counts. */
export class Claims<O> {
  readonly #output: StoredCollection<O>;
  readonly #same: (a: O, b: O) => boolean;
  readonly #outputs = new Map<string, Outputs<O>>();
  /** The input keys that give an output. */
  readonly #claimants = new Map<string, string | SortedKeys>();

  constructor(output: StoredCollection<O>, same: (a: O, b: O) => boolean) {
    this.#output = output;
    this.#same = same;
  }

  /** Takes all outputs of an input key. The last of several outputs with one name counts. */
  take(key: string, entries: readonly (readonly [name: string, value: O])[]): void {
    const before = this.#outputs.get(key);
    const fresh = this.#outputsOf(entries, before);
    if (fresh === undefined) this.#outputs.delete(key);
    else this.#outputs.set(key, fresh);
    // The claims are complete before anything is put, because comparing values can throw.
    for (const [name] of before ?? []) if (!fresh?.has(name)) this.#disclaim(name, key);
    for (const [name] of fresh ?? []) this.#claim(name, key);
    for (const [name] of before ?? []) if (!fresh?.has(name)) this.#put(name);
    for (const [name] of fresh ?? []) this.#put(name);
  }

  /** Where a value is the same as before, the earlier object stays and the new one can be collected. */
  #outputsOf(entries: readonly (readonly [string, O])[], before: Outputs<O> | undefined): Outputs<O> | undefined {
    const kept = (name: string, value: O): O => {
      const earlier = before?.get(name);
      return earlier !== undefined && this.#same(earlier, value) ? earlier : value;
    };
    const [first] = entries;
    if (first === undefined) return undefined;
    if (entries.length === 1) return new SingleOutput(first[0], kept(...first));
    const outputs = new Map<string, O>();
    for (const [name, value] of entries) outputs.set(name, kept(name, value));
    return outputs;
  }

  #put(name: string): void {
    const claimants = this.#claimants.get(name);
    const first = claimants instanceof SortedKeys ? claimants.list[0] : claimants;
    this.#output.put(name, first === undefined ? undefined : this.#outputs.get(first)?.get(name));
  }

  #claim(name: string, key: string): void {
    const claimants = this.#claimants.get(name);
    if (claimants === undefined) this.#claimants.set(name, key);
    else if (claimants instanceof SortedKeys) claimants.add(key);
    else if (claimants !== key) {
      const several = new SortedKeys();
      several.add(claimants);
      several.add(key);
      this.#claimants.set(name, several);
    }
  }

  #disclaim(name: string, key: string): void {
    const claimants = this.#claimants.get(name);
    if (!(claimants instanceof SortedKeys)) {
      this.#claimants.delete(name);
      return;
    }
    claimants.delete(key);
    const [first] = claimants.list;
    if (first !== undefined && claimants.size === 1) this.#claimants.set(name, first);
  }
}
