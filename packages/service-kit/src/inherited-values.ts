import type { ContextKey, ContextValues } from '@connectrpc/connect';

/** Values that fall back on those of `parent` for what is not set here. What is set or deleted here stays here. */
export function inheritedValues(parent: () => ContextValues): ContextValues {
  const own = new Map<symbol, unknown>();
  const values: ContextValues = {
    // Under its key there is what set() has put there, or the default of the key itself.
    get: <T>(key: ContextKey<T>) => (own.has(key.id) ? (own.get(key.id) as T) : parent().get(key)),
    set(key, value) {
      own.set(key.id, value);
      return this;
    },
    delete(key) {
      own.set(key.id, key.defaultValue);
      return this;
    },
  };
  return values;
}
