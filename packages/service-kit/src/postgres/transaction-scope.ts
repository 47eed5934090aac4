import { AsyncLocalStorage } from 'node:async_hooks';

/** Marks code that runs inside a transaction; closed when it ends, for work that outlives it. */
interface Scope {
  readonly schema: string;
  open: boolean;
}

const scopes = new AsyncLocalStorage<Scope>();

/**
 * The schema whose transaction the running code is in; undefined outside of one. A client must refuse to call then: a
 * transaction holds a pooled connection, and a slow callee would drain the pool for everyone.
 */
export function currentTransaction(): string | undefined {
  const scope = scopes.getStore();
  return scope?.open ? scope.schema : undefined;
}

/** Runs `fn` inside a transaction on `schema`. */
export async function runInTransaction<T>(schema: string, fn: () => Promise<T>): Promise<T> {
  const scope: Scope = { schema, open: true };
  try {
    return await scopes.run(scope, fn);
  } finally {
    scope.open = false;
  }
}
