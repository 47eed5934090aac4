/**
 * Whether two immutable values say the same: primitives by `Object.is`, byte arrays by their bytes, arrays in order, sets and maps by
 * their members, plain objects by their own fields. Objects of any other class are equal only when they are the same object.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const prototype: unknown = Object.getPrototypeOf(a);
  if (prototype !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (a instanceof Uint8Array && b instanceof Uint8Array) return sameBytes(a, b);
  if (a instanceof Set && b instanceof Set) return a.size === b.size && [...a].every((item) => b.has(item));
  if (a instanceof Map && b instanceof Map) return sameEntries(a, b);
  if (prototype !== Object.prototype && prototype !== null) return false;
  return sameFields(a, b);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function sameEntries(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  // A map says in which order its entries are, and what is made of it may show that order.
  const others = b.entries();
  for (const [key, value] of a) {
    const other = others.next();
    if (other.done || !Object.is(other.value[0], key) || !sameValue(value, other.value[1])) return false;
  }
  return true;
}

function sameFields(a: object, b: object): boolean {
  const fields = Object.keys(a);
  if (fields.length !== Object.keys(b).length) return false;
  return fields.every((field) => Object.hasOwn(b, field) && sameValue(Reflect.get(a, field), Reflect.get(b, field)));
}
