/**
 * Gives `next` with every part that equals its counterpart in `previous` replaced by that counterpart, so that `===` tells what
 * changed. Both are trees of plain objects, arrays, maps, sets, byte arrays and primitives; neither is changed. Whatever has nothing
 * to take over stays the object that it is.
 */
export function share<T>(previous: T | undefined, next: T): T {
  const shared = shareAny(previous, next);
  // The result is `previous`, `next` or a copy of `next` with equal parts: always a T.
  return shared as T;
}

function shareAny(previous: unknown, next: unknown): unknown {
  if (previous === next || typeof previous !== 'object' || typeof next !== 'object') return next;
  if (previous === null || next === null) return next;
  if (next instanceof Uint8Array) {
    return previous instanceof Uint8Array && Buffer.compare(previous, next) === 0 ? previous : next;
  }
  if (next instanceof Set) return previous instanceof Set && sameItems([...previous], [...next]) ? previous : next;
  if (Array.isArray(next)) {
    if (!Array.isArray(previous)) return next;
    const items = next.map((item, index) => shareAny(previous[index], item));
    if (sameItems(previous, items)) return previous;
    return sameItems(next, items) ? next : items;
  }
  if (next instanceof Map) {
    if (!(previous instanceof Map)) return next;
    const entries = [...next].map(([key, value]) => [key, shareAny(previous.get(key), value)] as const);
    const same = sameItems([...previous.keys()], [...next.keys()]);
    if (same && entries.every(([key, value]) => previous.get(key) === value)) return previous;
    return entries.every(([key, value]) => next.get(key) === value) ? next : new Map(entries);
  }
  const before = new Map(Object.entries(previous));
  const parts = Object.entries(next);
  const entries = parts.map(([key, value]) => [key, shareAny(before.get(key), value)] as const);
  const same = before.size === entries.length;
  if (same && entries.every(([key, value]) => before.get(key) === value && before.has(key))) return previous;
  return parts.every(([, value], index) => entries[index]?.[1] === value) ? next : Object.fromEntries(entries);
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
