import { Buffer } from 'node:buffer';

/**
 * Whether two immutable values say the same: primitives by `Object.is`, byte arrays by their bytes, arrays, sets, maps and plain objects by
 * their members in their order, because what is made from a value may show that order. Objects of any other class are the same only when
 * they are the same object. Values must not contain themselves.
 */
export function sameValue(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const prototype: unknown = Object.getPrototypeOf(a);
  if (prototype !== Object.getPrototypeOf(b)) return false;
  if (prototype === Object.prototype || prototype === null) return sameFields(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return sameItems(a, b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (a instanceof Set && b instanceof Set) return a.size === b.size && sameItems([...a], [...b]);
  if (a instanceof Map && b instanceof Map) return a.size === b.size && sameEntries(a, b);
  return false;
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!sameValue(a[at], b[at])) return false;
  return true;
}

function sameEntries(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  const others = b.entries();
  for (const [key, value] of a) {
    const other = others.next();
    if (other.done || !sameValue(key, other.value[0]) || !sameValue(value, other.value[1])) return false;
  }
  return true;
}

function sameFields(a: object, b: object): boolean {
  const fields = Object.keys(a);
  const others = Object.keys(b);
  if (fields.length !== others.length) return false;
  for (let at = 0; at < fields.length; at++) {
    const field = fields[at];
    if (field === undefined || field !== others[at]) return false;
    if (!sameValue(Reflect.get(a, field), Reflect.get(b, field))) return false;
  }
  return true;
}
