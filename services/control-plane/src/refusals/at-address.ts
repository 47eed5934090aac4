import type { Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import type { Service } from '@weft/compiler/model/service';

/** The pod that has an address. */
export function workloadAt(mesh: Mesh, address: string): WorkloadId | undefined {
  return mesh.lookups.workloadAt(address);
}

/** What stands behind a workload's own port, in words and in the model. */
export function targetAt(
  mesh: Mesh,
  callee: WorkloadId,
  port: number,
): { readonly target: string; readonly service?: Service; readonly servicePort: number } {
  const served = mesh.workloads.get(callee)?.inbound.find(({ listen }) => listen.port === port)?.serves?.[0];
  const service = served && mesh.services.get(served.service);
  if (service === undefined || served === undefined) return { target: `${callee}:${port}`, servicePort: port };
  return { target: `${service.id}:${served.port}`, service, servicePort: served.port };
}
