import type { Mesh } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { servicesByWorkload } from './call-graph.ts';
import type { ZoneCounts } from './zone-weights.ts';

/** Where a caller is among its like, as one word that is the same for all who share it: "eu-1a of eu-1a=2 eu-1b=1". */
export type CallerZones = string;

/** Where a workload is; undefined: calls go everywhere alike, because the mesh does not prefer zones or does not know this one. */
export function callerZones(mesh: Mesh, workload: Workload): CallerZones | undefined {
  const zone = workload.locality?.zone;
  if (!mesh.settings.zoneAware || zone === undefined) return undefined;
  const { gateway } = workload;
  const like = gateway
    ? (mesh.gateways.get(gateway.name)?.workloads ?? [])
    : (servicesByWorkload(mesh.services).get(workload.id) ?? []).flatMap(({ workloads }) => workloads);
  const counts = new Map<string, number>();
  for (const id of new Set(like)) {
    const other = mesh.workloads.get(id);
    if (other?.ready) counts.set(other.locality?.zone ?? '', (counts.get(other.locality?.zone ?? '') ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${zone} of ${sorted.map(([name, count]) => `${name}=${count}`).join(' ')}`;
}

/** What `callerZones` says, apart again. */
export function readCallerZones(zones: CallerZones): { readonly here: string; readonly callers: ZoneCounts } {
  const [here = '', list = ''] = zones.split(' of ');
  const entries = list.split(' ').flatMap((entry) => {
    const [name = '', count = ''] = entry.split('=');
    return count === '' ? [] : [[name, Number(count)] as const];
  });
  return { here, callers: new Map(entries) };
}
