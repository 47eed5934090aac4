import { callerNameHeader } from '../caller.ts';

/**
 * Who calls in a test: a logical name ("bakery.orders", or "edge"), which stands for an account of its own in the namespace that is the
 * name's first part; or whatever a sidecar could have proved.
 */
export type TestCaller =
  | string
  | { readonly namespace: string; readonly serviceAccount: string; readonly name?: string };

/** Sets the headers by which a sidecar names the caller, over those that are there; without a caller they are taken away. */
export function nameCaller(headers: Headers, caller: TestCaller | undefined): void {
  for (const header of ['x-forwarded-client-cert', callerNameHeader]) headers.delete(header);
  if (caller === undefined) return;
  const { namespace, serviceAccount, name } = typeof caller === 'string' ? accountOf(caller) : caller;
  headers.set('x-forwarded-client-cert', `URI=spiffe://weft.local/ns/${namespace}/sa/${serviceAccount}`);
  if (name !== undefined) headers.set(callerNameHeader, name);
}

function accountOf(name: string) {
  const [namespace = name, ...rest] = name.split('.');
  return { name, namespace, serviceAccount: rest.length === 0 ? name : rest.join('-') };
}
