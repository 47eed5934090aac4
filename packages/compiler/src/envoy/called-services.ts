import type { Collection, Graph, Index, Read } from '@weft/collections';
import type { LogicalName } from '../model/mesh.ts';
import { callersOf } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import type { Services } from '../translation/services.ts';

/** What of a service those need to know who call it: everything but its replicas, and whom it calls itself. */
export type CalledService = Omit<Service, 'workloads' | 'calls'>;

/** Services as their callers see them, and who they are. */
export interface CalledServices {
  readonly called: Collection<CalledService>;
  /** The names of services that a caller's name is on, by that name. */
  readonly byCaller: Index<ReadonlySet<LogicalName>>;
  /** Services with a port that every workload of their namespace may use, by namespace. */
  readonly byNamespace: Index<CalledService>;
  /** By their own name in contracts. */
  readonly byName: Index<CalledService>;
  /** Services with a contract or a MeshPolicy that names a caller, by `neighborKey` of their own namespace and that caller. */
  readonly byNeighbor: Index<CalledService>;
}

/** Tells apart what callers see of a service. */
export function calledServices(graph: Graph, { services, byCaller }: Services): CalledServices {
  const called = graph.derive('called services', services, (service): CalledService => {
    const { workloads: _, calls: __, ...rest } = service;
    return rest;
  });
  return {
    called,
    byCaller,
    byNamespace: called.index('namespace', (service) => (isOpenToNamespace(service) ? [service.namespace] : [])),
    byName: called.index('logical name', ({ logicalName }) => (logicalName === undefined ? [] : [logicalName])),
    byNeighbor: called.index('neighbors', ({ namespace, methods }) =>
      [...callersOf(methods)].map((name) => neighborKey(namespace, name)),
    ),
  };
}

/** A logical name in a namespace. */
export function neighborKey(namespace: string, name: LogicalName): string {
  return `${namespace}\n${name}`;
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
