import type { Collection, Graph, Read } from '@weft/collections';
import type { LogicalName, ServiceId } from '../model/mesh.ts';
import { idOf } from '../model/names.ts';
import { portsOf } from '../model/port-access.ts';
import { type Destination, destinationsOf, parentKey } from '../model/route.ts';
import type { Translation } from '../translation/translate.ts';
import { type CalledServices, neighborKey } from './called-services.ts';
import type { CallsKey } from './proxies.ts';

/** Services that applications were seen to call, sorted, by `ProxyKeys.calls`. */
export type SeenCalls = Collection<readonly ServiceId[]>;

/** The callees that a sidecar is told of before its application calls them; not yet judged by who may call them. */
export type KnownCallees = (key: Extract<CallsKey, { namespace: string }>, text: string, read: Read) => Set<ServiceId>;

/**
 * Who is known to be called: whom the caller's own contract or MeshPolicies declare, whom it was seen to call, and where the routes of
 * all these lead. Nothing that a callee says alone makes it one of them, so that a contract costs nothing to those whom it names
 * (docs/decisions/what-a-proxy-holds.md). Neighbors that cannot wait for the first call are the exception: a connection of TCP, or to
 * a replica that the application chose itself, carries nothing that could be held back, and they are of the caller's own namespace.
 */
export function knownCallees(
  graph: Graph,
  { services: { services }, routes: { ofPorts } }: Pick<Translation, 'services' | 'routes'>,
  { called, byName, byNeighbor }: CalledServices,
  seen: SeenCalls,
): KnownCallees {
  const declared = graph.derive('declared calls', services, ({ namespace, logicalName, calls }) =>
    logicalName === undefined || calls.length === 0 ? undefined : { in: neighborKey(namespace, logicalName), calls },
  );
  const byDeclarer = declared.index('caller', (one) => [one.in]);
  const destinations = graph.derive('destinations of ports', ofPorts, (routes): readonly Destination[] =>
    destinationsOf(routes.flatMap(({ rules }) => rules)),
  );
  return ({ namespace, names }, text, read) => {
    const known = new Set<ServiceId>(read.get(seen, text) ?? []);
    for (const name of names) {
      const key = neighborKey(namespace, name);
      for (const { calls } of read.values(byDeclarer, key)) {
        for (const callee of calls) {
          if (isServiceId(callee)) known.add(callee);
          else for (const id of read.keys(byName, callee)) known.add(idOf(id));
        }
      }
      for (const { id, protocol, headless } of read.values(byNeighbor, key)) {
        if (protocol === 'tcp' || headless) known.add(id);
      }
    }
    // A set shows what is added to it while it is walked.
    for (const id of known) {
      const service = read.get(called, id);
      if (service === undefined) continue;
      for (const { port } of portsOf(service)) {
        for (const to of read.get(destinations, parentKey({ service: id, port })) ?? []) known.add(to.service);
      }
    }
    return known;
  };
}

function isServiceId(callee: LogicalName | ServiceId): callee is ServiceId {
  return callee.includes('/');
}
