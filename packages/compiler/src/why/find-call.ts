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

/** Finds a caller by its logical name, or by the name of a service or replica ("bakery/orders"); undefined: nobody. */
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
  const services = itself ? [itself] : lookups.servicesNamed(text).filter(({ logicalName }) => logicalName === text);
  const [first] = services;
  if (first === undefined) return undefined;
  const workloads = services.flatMap((service) => service.workloads.flatMap((id) => mesh.workloads.get(id) ?? []));
  return { name: first.logicalName ?? first.id, workloads, services };
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
 * Finds a method by its path without the slash ("bakery.orders.v1.OrderService/PlaceOrder"), or by the end of it when no other has
 * that ("OrderService/PlaceOrder"). Of services that share it, one that admits the caller comes first.
 */
export function findMethod(mesh: Mesh, text: string, caller: LogicalName): Called | undefined {
  const path = text.startsWith('/') ? text : `/${text}`;
  const found: Called[] = [];
  const ending: Called[] = [];
  for (const service of mesh.services.values()) {
    const method = methodOf(service.methods, path);
    if (method) found.push({ method, service });
    for (const candidate of service.methods.values()) {
      if (candidate.path.endsWith(`.${path.slice(1)}`)) ending.push({ method: candidate, service });
    }
  }
  const exact = found.find(({ method }) => method.callers.has(caller)) ?? found[0];
  if (exact !== undefined) return exact;
  return new Set(ending.map(({ method }) => method.path)).size === 1 ? ending[0] : undefined;
}
