import type { LogicalName } from '../model/mesh.ts';
import { methodOf } from '../model/method.ts';
import type { Destination } from '../model/route.ts';
import { subsetToken, versionToken } from './endpoints.ts';
import type { OutboundTarget } from './outbound-target.ts';

/** Whether a caller may send a call somewhere: to all replicas, to those that bear a token (see endpoints.ts), or not at all. */
export type Reach = boolean | string;

/**
 * Where callers of these names may send calls to a path. `target`: the destination as what they may call; absent: nothing of it.
 */
export function reach(
  { contractVersion: hash }: Destination,
  target: Pick<OutboundTarget, 'service' | 'protocol' | 'byMethod'> | undefined,
  names: readonly LogicalName[],
  path: string,
): Reach {
  if (target === undefined || target.protocol === 'tcp') return false;
  const { methods, versions } = target.service;
  if (!target.byMethod) return hash === undefined || (versions.has(hash) && versionToken(hash));
  const method = methodOf(methods, path);
  const caller = method && names.find((name) => method.callers.has(name));
  if (method === undefined || caller === undefined) return false;
  if (hash === undefined) return subsetToken(method, caller, versions) ?? true;
  const own = versions.get(hash)?.methods.get(method.path);
  return own !== undefined && names.some((name) => own.callers.has(name)) && versionToken(hash);
}
