import type { Graph, Read } from '@weft/collections';
import type { Workload } from '../model/workload.ts';
import type { Translation } from '../translation/translate.ts';
import type { ZoneCounts } from './zone-weights.ts';

/** Where a caller is among its like, as one word that is the same for all who share it: "eu-1a of eu-1a=2 eu-1b=1"; "": not known. */
export type CallerZones = string;

/** Says where a workload is among the ready replicas of its services, or of its gateway. */
export function zonesOf(
  graph: Graph,
  { members, workloads, gateways }: Pick<Translation, 'members' | 'workloads' | 'gateways'>,
): (workload: Workload, read: Read) => CallerZones {
  const places = graph.derive('places of replicas', workloads.workloads, ({ ready, locality }) =>
    ready ? { zone: locality?.zone ?? '' } : undefined,
  );
  return ({ id, locality, gateway }, read) => {
    const here = locality?.zone;
    if (here === undefined) return '';
    const like = gateway
      ? (read.get(gateways.gateways, gateway.name)?.workloads ?? [])
      : read.keys(members.servicesOf, id).flatMap((service) => read.get(members.members, service) ?? []);
    const counts = countZones([...new Set(like)].flatMap((other) => read.get(places, other) ?? []));
    const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return `${here} of ${sorted.map(([name, count]) => `${name}=${count}`).join(' ')}`;
  };
}

/** How many there are in each zone. */
export function countZones(places: readonly { readonly zone: string }[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { zone } of places) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  return counts;
}

/** What `CallerZones` says, apart again. */
export function readCallerZones(zones: CallerZones): { readonly here: string; readonly callers: ZoneCounts } {
  const [here = '', list = ''] = zones.split(' of ');
  const entries = list.split(' ').flatMap((entry) => {
    const [name = '', count = ''] = entry.split('=');
    return count === '' ? [] : [[name, Number(count)] as const];
  });
  return { here, callers: new Map(entries) };
}
