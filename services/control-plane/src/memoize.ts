/** An argument that is compared by identity, or by value when it is a primitive. */
type Argument = object | string | number | boolean | undefined;

interface Entry<R> {
  readonly byObject: WeakMap<object, Entry<R>>;
  readonly byValue: Map<string | number | boolean | undefined, Entry<R>>;
  result?: { readonly value: R };
}

/**
 * A pure function that computes once for the same arguments. Arguments are compared by identity, so they must be immutable; a
 * result is forgotten with any object among its arguments. Put objects before primitives: those before the first object are kept.
 */
export function memoize<A extends readonly Argument[], R>(compute: (...args: A) => R): (...args: A) => R {
  const entry = (): Entry<R> => ({ byObject: new WeakMap(), byValue: new Map() });
  const root = entry();
  return (...args) => {
    let at = root;
    for (const arg of args) {
      let next = typeof arg === 'object' ? at.byObject.get(arg) : at.byValue.get(arg);
      if (next === undefined) {
        next = entry();
        if (typeof arg === 'object') at.byObject.set(arg, next);
        else at.byValue.set(arg, next);
      }
      at = next;
    }
    at.result ??= { value: compute(...args) };
    return at.result.value;
  };
}
