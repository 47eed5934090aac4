import type { ServiceId } from '../model/mesh.ts';
import { type Method, methodOf } from '../model/method.ts';
import { portAccess } from '../model/port-access.ts';
import { type Destination, destinationKey, destinationsOf, type Rule } from '../model/route.ts';
import type { CalledService } from './called-services.ts';
import { serviceCluster } from './names.ts';
import type { Reach } from './reach.ts';
import type { Reached } from './rule-routes.ts';

/** Where the calls of some rules may go. */
export interface Places {
  /** In the order of `destinationsOf`, by `destinationKey`. */
  readonly destinations: readonly string[];
  /** Services behind them; a caller has no cluster of one that is not there. */
  readonly services: ReadonlyMap<ServiceId, CalledService>;
}

/** What holds for a port of a service, and where that leads. */
export interface PortRoutes {
  readonly rules: readonly Rule[];
  readonly places: Places;
}

/** Looks up the services that rules lead to. */
export function portRoutes(rules: readonly Rule[], find: (id: ServiceId) => CalledService | undefined): PortRoutes {
  const found = destinationsOf(rules);
  const services = new Map<ServiceId, CalledService>();
  for (const { service: id } of found) {
    const service = services.get(id) ?? find(id);
    if (service) services.set(id, service);
  }
  return { rules, places: { destinations: found.map(destinationKey), services } };
}

/** A destination as those may call it who reach all destinations, in their order, by `reaches`; undefined: they may not. */
export function reachedBy(places: Places, reaches: readonly Reach[], to: Destination): Reached | undefined {
  return reached(places, to, reaches[places.destinations.indexOf(destinationKey(to))] ?? false);
}

/** A destination as those may call it who reach it so; undefined: they may not. */
export function reached({ services }: Places, { service: id, port }: Destination, reach: Reach): Reached | undefined {
  const service = services.get(id);
  if (reach === false || service === undefined) return undefined;
  const cluster = serviceCluster(id, port === service.port ? undefined : port);
  return { cluster, ...(typeof reach === 'string' ? { token: reach } : {}) };
}

/** What the contract of a service says of calls to a path at one of its ports; undefined: nothing. */
export function methodAt(
  { services }: Places,
  to: Pick<Destination, 'service' | 'port'>,
  path: string,
): Method | undefined {
  const service = governed(services.get(to.service), to.port);
  return service && methodOf(service.methods, path);
}

/** A service, if its methods say who may use a port. */
export function governed(service: CalledService | undefined, port: number): CalledService | undefined {
  return service && portAccess(service, port) === 'methods' ? service : undefined;
}
