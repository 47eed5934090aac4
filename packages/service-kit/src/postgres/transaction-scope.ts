import { AsyncLocalStorage } from 'node:async_hooks';

const scopes = new AsyncLocalStorage<{ readonly schema: string } | undefined>();

/**
 * The schema whose transaction the running code is in; undefined outside of one. A client must refuse to call then: a
 * transaction holds a pooled connection, and a slow callee would drain the pool for everyone.
 */
export function currentTransaction(): string | undefined {
  return scopes.getStore()?.schema;
}

/** Runs `fn` inside a transaction on `schema`. */
export function runInTransaction<T>(schema: string, fn: () => T): T {
  return scopes.run({ schema }, fn);
}
