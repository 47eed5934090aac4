import { type Collection, type DeriveOptions, Graph, type Index, type Read } from '@weft/collections';

/** A graph whose derivations throw where a test says so, as if each of them had a bug. */
export class FaultyGraph extends Graph {
  /** Collections that have computed something, by name. */
  readonly computed = new Set<string>();
  /** Whether the computation of a key throws. Default: none does. */
  isBroken: (collection: string, key: string) => boolean = () => false;
  /** What stands in place of a derived value, as a bug in what computes it would leave it. Default: the value itself. */
  altered: (collection: string, key: string, value: unknown) => unknown = (_, __, value) => value;

  override derive<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => O | undefined,
    options?: DeriveOptions<O>,
  ): Collection<O> {
    return super.derive(
      name,
      input,
      (value, read, key) => this.#try(name, key, () => compute(value, read, key)),
      options,
    );
  }

  override deriveMany<I, O>(
    name: string,
    input: Collection<I>,
    compute: (value: I, read: Read, key: string) => Iterable<readonly [key: string, output: O]>,
    options?: DeriveOptions<O>,
  ): Collection<O> {
    return super.deriveMany(
      name,
      input,
      (value, read, key) => this.#try(name, key, () => compute(value, read, key)),
      options,
    );
  }

  override group<I, O>(
    name: string,
    index: Index<I>,
    compute: (bucket: string, read: Read) => O | undefined,
    options?: DeriveOptions<O>,
  ): Collection<O> {
    return super.group(name, index, (bucket, read) => this.#try(name, bucket, () => compute(bucket, read)), options);
  }

  /** What was read before it throws makes the key be computed again. */
  #try<R>(collection: string, key: string, compute: () => R): R {
    this.computed.add(collection);
    const result = compute();
    if (this.isBroken(collection, key)) throw new Error('a fault');
    return this.altered(collection, key, result) as R;
  }
}
