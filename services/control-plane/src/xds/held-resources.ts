import { type Held, setVersion } from './offer.ts';

/**
 * What one client holds of one type: names and versions. Immutable, and cheap to change: a change is laid over the many names
 * that stay, and both become one only when the changes are a good part of it.
 */
export class HeldResources {
  static readonly none = new HeldResources(new Map(), new Map(), 0, 0n);
  readonly size: number;
  readonly #base: ReadonlyMap<string, Held>;
  /** Undefined: not held although `#base` has it. */
  readonly #changes: ReadonlyMap<string, Held | undefined>;
  readonly #digest: bigint;
  #version: string | undefined;

  private constructor(
    base: ReadonlyMap<string, Held>,
    changes: ReadonlyMap<string, Held | undefined>,
    size: number,
    digest: bigint,
  ) {
    this.#base = base;
    this.#changes = changes;
    this.size = size;
    this.#digest = digest;
  }

  /** The version of all together. */
  get version(): string {
    this.#version ??= setVersion(this.#digest);
    return this.#version;
  }

  get(name: string): Held | undefined {
    return this.#changes.has(name) ? this.#changes.get(name) : this.#base.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  names(): string[] {
    const names: string[] = [];
    for (const name of this.#base.keys()) if (!this.#changes.has(name)) names.push(name);
    for (const [name, entry] of this.#changes) if (entry !== undefined) names.push(name);
    return names;
  }

  /** As this, without `removed` and then with `added`. */
  with(added: readonly (readonly [name: string, entry: Held])[], removed: readonly string[] = []): HeldResources {
    if (added.length === 0 && removed.length === 0) return this;
    const merge = this.#changes.size + added.length + removed.length > 16 + this.#base.size / 8;
    const merged = merge ? this.#merged() : undefined;
    const changes = new Map(merge ? [] : this.#changes);
    let size = this.size;
    let digest = this.#digest;
    const put = (name: string, entry: Held | undefined): void => {
      const old = merged ? merged.get(name) : changes.has(name) ? changes.get(name) : this.#base.get(name);
      size += Number(entry !== undefined) - Number(old !== undefined);
      digest ^= (old?.digest ?? 0n) ^ (entry?.digest ?? 0n);
      if (merged) assign(merged, name, entry);
      else changes.set(name, entry);
    };
    for (const name of removed) put(name, undefined);
    for (const [name, entry] of added) put(name, entry);
    return new HeldResources(merged ?? this.#base, changes, size, digest);
  }

  #merged(): Map<string, Held> {
    const merged = new Map(this.#base);
    for (const [name, entry] of this.#changes) assign(merged, name, entry);
    return merged;
  }
}

function assign(map: Map<string, Held>, name: string, entry: Held | undefined): void {
  if (entry === undefined) map.delete(name);
  else map.set(name, entry);
}
