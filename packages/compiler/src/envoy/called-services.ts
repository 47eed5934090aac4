import type { Collection, Graph, Index, Read } from '@weft/collections';
import type { LogicalName } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import type { Services } from '../translation/services.ts';

/** What of a service those need to know who call it: everything but its replicas. */
export type CalledService = Omit<Service, 'workloads'>;

/** Services as their callers see them, and who they are. */
export interface CalledServices {
  readonly called: Collection<CalledService>;
  /** The names of services that a caller's name is on, by that name. */
  readonly byCaller: Index<ReadonlySet<LogicalName>>;
  /** Services with a port that every workload of their namespace may use, by namespace. */
  readonly byNamespace: Index<CalledService>;
}

/** Tells apart what callers see of a service. */
export function calledServices(graph: Graph, { services, byCaller }: Services): CalledServices {
  const called = graph.derive('called services', services, ({ workloads: _, ...rest }): CalledService => rest);
  return {
    called,
    byCaller,
    byNamespace: called.index('namespace', (service) => (isOpenToNamespace(service) ? [service.namespace] : [])),
  };
}

/** What callers of these names may call, in id order. */
export function calledBy(
  { called, byCaller }: CalledServices,
  names: readonly LogicalName[],
  read: Read,
): readonly CalledService[] {
  const ids = new Set(names.flatMap((name) => read.keys(byCaller, name)));
  return [...ids].sort().flatMap((id) => read.get(called, id) ?? []);
}

/** Whether the workloads of a service's namespace may use a port of it. */
function isOpenToNamespace({ ungoverned, otherPorts }: CalledService): boolean {
  return ungoverned || otherPorts.length > 0;
}
