/** An argument that is compared by identity, or by value when it is a primitive. */
type Argument = object | string | number | boolean | undefined;

/** What is known of calls that begin with the same arguments. Most need only one of the maps, and the last none. */
class Entry<R> {
  #byObject: WeakMap<object, Entry<R>> | undefined;
  #byValue: Map<string | number | boolean | undefined, Entry<R>> | undefined;
  result: { readonly value: R } | undefined;

  /** The entry of calls that go on with `argument`. */
  next(argument: Argument): Entry<R> {
    if (typeof argument === 'object') {
      this.#byObject ??= new WeakMap();
      return this.#byObject.get(argument) ?? added(this.#byObject, argument);
    }
    this.#byValue ??= new Map();
    return this.#byValue.get(argument) ?? added(this.#byValue, argument);
  }
}

function added<K, R>(to: { set(key: K, entry: Entry<R>): unknown }, key: K): Entry<R> {
  const entry = new Entry<R>();
  to.set(key, entry);
  return entry;
}

/**
 * A pure function that computes once for the same arguments. Arguments are compared by identity, so they must be immutable; a
 * result is forgotten with any object among its arguments. Put objects before primitives: those before the first object are kept.
 */
export function memoize<A extends readonly Argument[], R>(compute: (...args: A) => R): (...args: A) => R {
  const root = new Entry<R>();
  return (...args) => {
    let at = root;
    for (const argument of args) at = at.next(argument);
    at.result ??= { value: compute(...args) };
    return at.result.value;
  };
}
