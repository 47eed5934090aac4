import { type Change, sameValue } from '@weft/collections';
import type { Service } from './service.ts';
import type { Workload } from './workload.ts';

/** What one turn did to the mesh, as far as it tells a change of endpoints from any other. */
export interface MeshChanges {
  readonly services: ReadonlyMap<string, Change<Service>>;
  readonly workloads: ReadonlyMap<string, Change<Workload>>;
  /** Anything else that several proxies hold is another: settings, gateways, external services or identities. */
  readonly elsewhere: boolean;
}

/**
 * Whether replicas came, went or changed their readiness, and nothing else: every remaining proxy needs only endpoint updates, which
 * never wait.
 */
export function onlyEndpointsChanged({ services, workloads, elsewhere }: MeshChanges): boolean {
  if (elsewhere) return false;
  for (const { before, after } of services.values()) {
    if (before === undefined || after === undefined || !differsOnlyIn(before, after, ['workloads'])) return false;
  }
  for (const { before, after } of workloads.values()) {
    if (before !== undefined && after !== undefined && !differsOnlyIn(before, after, ['ready', 'reason'])) return false;
  }
  return true;
}

/** Whether two values say the same in all fields but these. */
function differsOnlyIn<T extends object>(before: T, after: T, fields: readonly (keyof T & string)[]): boolean {
  return sameValue(without(before, fields), without(after, fields));
}

function without(value: object, fields: readonly string[]): object {
  return Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field)));
}
