import type { Mesh, WorkloadId } from './mesh.ts';

/** What contracts call the service or gateway that a workload belongs to; its SPIFFE ID when it has no name of its own. */
export function callerName(mesh: Mesh, id: WorkloadId): string {
  const workload = mesh.workloads.get(id);
  if (workload === undefined) return id;
  return mesh.lookups.nameOf(workload.spiffeId) ?? workload.spiffeId;
}
