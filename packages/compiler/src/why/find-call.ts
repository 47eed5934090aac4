import { callerName } from '../model/caller-name.ts';
import type { LogicalName, Mesh, ServiceId, WorkloadId } from '../model/mesh.ts';
import { type Method, methodOf } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';

/** Who calls, as the mesh knows it. */
export interface Caller {
  readonly name: LogicalName;
  /** In id order; of one replica only when a replica was named. */
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
}

/**
 * Finds a caller by its logical name, by the name of a service or replica ("bakery/orders"), or by a name that only one service has
 * ("orders"); undefined: nobody, or several.
 */
export function findCaller(mesh: Mesh, text: string): Caller | undefined {
  const lookups = mesh.lookups;
  const replica = isId(text) ? mesh.workloads.get(text) : undefined;
  if (replica !== undefined) {
    const services = lookups.servicesOf(replica.id);
    return { name: services[0]?.logicalName ?? callerName(mesh, replica.id), workloads: [replica], services };
  }
  const gateway = mesh.gateways.get(text);
  if (gateway !== undefined) {
    return {
      name: gateway.name,
      workloads: gateway.workloads.flatMap((id) => mesh.workloads.get(id) ?? []),
      services: [],
    };
  }
  const itself = isId(text) ? mesh.services.get(text) : undefined;
  const contracted = lookups.servicesNamed(text).filter(({ logicalName }) => logicalName === text);
  const short = servicesOfShortName(mesh, text);
  const services = itself ? [itself] : contracted.length > 0 ? contracted : short.length === 1 ? short : [];
  const [first] = services;
  if (first === undefined) return undefined;
  const workloads = services.flatMap((service) => service.workloads.flatMap((id) => mesh.workloads.get(id) ?? []));
  return { name: first.logicalName ?? first.id, workloads, services };
}

/** The services of this name, in whatever namespace. */
export function servicesOfShortName(mesh: Mesh, text: string): Service[] {
  return [...mesh.services.values()].filter(({ name }) => name === text);
}

function isId(text: string): text is ServiceId & WorkloadId {
  return text.includes('/');
}

/** What is called. */
export interface Called {
  readonly method: Method;
  readonly service: Service;
}

/**
 * Finds a method by its path without the slash ("bakery.orders.v1.OrderService/PlaceOrder"), or by one of the names that
 * `methodsMeant` knows when no other method has it. Of services that share it, one that admits the caller comes first.
 */
export function findMethod(mesh: Mesh, text: string, caller: LogicalName): Called | undefined {
  const path = text.startsWith('/') ? text : `/${text}`;
  const exact = [...mesh.services.values()].flatMap((service): Called[] => {
    const method = methodOf(service.methods, path);
    return method ? [{ method, service }] : [];
  });
  const meant = exact.length > 0 ? exact : methodsMeant(mesh, text);
  if (exact.length === 0 && new Set(meant.map(({ method }) => method.path)).size !== 1) return undefined;
  return meant.find(({ method }) => method.callers.has(caller)) ?? meant[0];
}

/**
 * All methods that a short name may mean: the end of the path ("OrderService/PlaceOrder"), the method of a service by the service's
 * logical or own name ("bakery.orders/PlaceOrder", "orders/PlaceOrder"), or the method's name alone ("PlaceOrder").
 */
export function methodsMeant(mesh: Mesh, text: string): Called[] {
  const [first = '', second, ...more] = text.replace(/^\//, '').split('/');
  if (more.length > 0) return [];
  const isMeant = (service: Service, method: Method) => {
    if (second === undefined) return method.name === first;
    if (method.name !== second) return false;
    return service.logicalName === first || service.name === first || method.grpcService.endsWith(`.${first}`);
  };
  return [...mesh.services.values()].flatMap((service) =>
    [...service.methods.values()].filter((method) => isMeant(service, method)).map((method) => ({ method, service })),
  );
}
