import { type Change, sameValue } from '@weft/collections';
import type { Service } from './service.ts';
import { isEndpointChange, type Workload } from './workload.ts';

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
    if (before === undefined || after === undefined) return false;
    const { workloads: _, ...old } = before;
    const { workloads: __, ...fresh } = after;
    if (!sameValue(old, fresh)) return false;
  }
  for (const { before, after } of workloads.values()) {
    if (!isEndpointChange(before, after)) return false;
  }
  return true;
}
