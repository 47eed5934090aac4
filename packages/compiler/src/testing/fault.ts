/** A fact whose field throws when it is read, as a bug of ours would. `isBroken`: asked at each reading. Default: always. */
export function withFault<T extends object>(fact: T, field: keyof T, isBroken: () => boolean = () => true): T {
  const { [field]: value, ...rest } = fact;
  // It is not enumerable, so that facts can still be compared and copied.
  return Object.defineProperty(rest, field, {
    get: () => {
      if (isBroken()) throw new Error(`${String(field)} cannot be read`);
      return value;
    },
    enumerable: false,
  }) as T;
}
