import { isIP } from 'node:net';
import { callerName } from '@weft/compiler/model/caller-name';
import type { LogicalName, Mesh, ServiceId, WorkloadId } from '@weft/compiler/model/mesh';
import { admission, type Method, methodOf } from '@weft/compiler/model/method';
import { isSpiffeId, partsOfId } from '@weft/compiler/model/names';
import { originWords } from '@weft/compiler/model/policy-origin';
import { httpPorts } from '@weft/compiler/model/port-access';
import type { Service } from '@weft/compiler/model/service';

/** Why a call was not made. */
export interface Refusal {
  /** Its logical name, or its SPIFFE ID without one. */
  readonly caller: string;
  /** What Envoy answers with; gRPC callers get the code that belongs to it. */
  readonly httpStatus: 403 | 404 | 503;
  /** For the caller. */
  readonly message: string;
  /** What would permit it, for those who read the log. */
  readonly advice?: string;
}

/** What to write where to permit a call: `callers: {names: "shop.catalog"} in shop.payments.v1.PaymentService/Authorize`. */
export function callersLine({ path, origins }: Method, caller: LogicalName): string | undefined {
  // An account without a name can be in no contract.
  if (isSpiffeId(caller)) return undefined;
  const name = path.slice(1);
  const origin = origins.callers;
  if (origin === undefined) return `callers: {names: "${caller}"} in ${name}`;
  const where = originWords(origin);
  return origin.is === 'resource'
    ? `addCallers: [${caller}] for ${name} in ${where}`
    : `callers: {names: "${caller}"} in ${where}`;
}

/**
 * What to write where to let a caller use a port that is not governed by methods. Only a Service's main port is: the others are its
 * namespace's own. Who is named so takes the place of the namespace.
 */
export function policyLine(service: Service, port: number, caller: LogicalName): string | undefined {
  if (isSpiffeId(caller) || port !== service.port) return undefined;
  return `callers: [${caller}] at path "/*" of a MeshPolicy for Service ${service.id}`;
}

/**
 * Says why the mesh does not take a call to `path` at `authority` from a workload: it may not (403, PERMISSION_DENIED), there is
 * no such port or method (404, UNIMPLEMENTED), or it may and its proxy has not heard of it yet (503, UNAVAILABLE).
 */
export function refusalOf(mesh: Mesh, workload: WorkloadId, path: string, authority: string): Refusal {
  const caller = callerName(mesh, workload);
  const [pathOnly = path] = path.split('?', 1);
  const unserved = withoutPort(mesh, authority, partsOfId(workload).namespace);
  if (unserved !== undefined) return { caller, httpStatus: 404, message: `weft: ${unserved}` };
  const method = methodAt(mesh, pathOnly, authority, partsOfId(workload).namespace);
  if (method === undefined) {
    return { caller, httpStatus: 404, message: `weft: no service of the mesh has ${shorten(pathOnly)}` };
  }
  const name = pathOnly.slice(1);
  if (method.callers.has(caller)) {
    const elsewhere = misaddressed(mesh, method, authority, partsOfId(workload).namespace);
    if (elsewhere !== undefined) return { caller, httpStatus: 404, message: `weft: ${elsewhere}` };
    return {
      caller,
      httpStatus: 503,
      message: unknownYet(caller, name),
    };
  }
  const advice = callersLine(method, caller);
  const message = `weft: ${caller} may not call ${name}; ${admissionOf(method, caller)}`;
  return { caller, httpStatus: 403, message, ...(advice === undefined ? {} : { advice }) };
}

const admissions = new WeakMap<Method, Map<string, string>>();

/** Said once for each caller as long as the method stays as it is: it names all callers. */
function admissionOf(method: Method, caller: string): string {
  const said = admissions.get(method) ?? new Map<string, string>();
  admissions.set(method, said);
  const words = said.get(caller) ?? admission(method, caller);
  said.set(caller, words);
  return words;
}

/** A caller may call, and its proxy does not know it. */
export function unknownYet(caller: string, name: string): string {
  return `weft: ${caller} may call ${name}, but its proxy does not know it yet; try again`;
}

/** The services at `authority` that take a call to `path` from a workload. */
export function admitting(mesh: Mesh, workload: WorkloadId, path: string, authority: string): readonly ServiceId[] {
  const caller = callerName(mesh, workload);
  const [pathOnly = path] = path.split('?', 1);
  return addressed(mesh, hostOf(authority), partsOfId(workload).namespace)
    .filter((service) => takesHttp(service, portOf(authority)))
    .filter(({ methods }) => methodOf(methods, pathOnly)?.callers.has(caller))
    .map(({ id }) => id);
}

/** The method of the service that is addressed, else that of any service: the caller may have the name wrong, too. */
function methodAt(mesh: Mesh, path: string, authority: string, namespace: string): Method | undefined {
  for (const service of addressed(mesh, hostOf(authority), namespace)) {
    const method = methodOf(service.methods, path);
    if (method) return method;
  }
  // A rule for all paths of a service says nothing about a call to another one.
  return mesh.lookups.servicesWithMethod(path)[0]?.methods.get(path);
}

/** A call that would be permitted, to a host that has no such method: who has it. Undefined: the host is right. */
function misaddressed(mesh: Mesh, { path }: Method, authority: string, namespace: string): string | undefined {
  const host = hostOf(authority);
  // A replica that the application chose itself goes by its address.
  if (isIP(host) !== 0 || addressed(mesh, host, namespace).some(({ methods }) => methodOf(methods, path))) {
    return undefined;
  }
  const names = mesh.lookups.servicesWithMethod(path).map(({ logicalName, id }) => logicalName ?? id);
  return `${shorten(host)} has no ${path.slice(1)}; ${[...new Set(names)].join(' and ')} has`;
}

/** The services that a host name stands for, by id. In its own namespace a service has its bare name, too. */
function addressed(mesh: Mesh, host: string, namespace: string): readonly Service[] {
  const named = mesh.lookups.servicesNamed(host);
  const neighbor = mesh.services.get(`${namespace}/${host}`);
  if (neighbor === undefined || named.includes(neighbor)) return named;
  return [...named, neighbor].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A call to services that have no such port for HTTP: which they have. Undefined: one has it, or the call names no port. */
function withoutPort(mesh: Mesh, authority: string, namespace: string): string | undefined {
  const port = portOf(authority);
  const services = addressed(mesh, hostOf(authority), namespace);
  if (port === undefined || services.length === 0 || services.some((service) => takesHttp(service, port))) {
    return undefined;
  }
  return services
    .map((service) => {
      const ports = httpPorts(service);
      const has = ports.length === 0 ? 'none' : ports.join(' and ');
      return `Service ${service.id} has no port ${port} for HTTP; it has ${has}`;
    })
    .join('; ');
}

/** `port` undefined: any. */
function takesHttp(service: Service, port: number | undefined): boolean {
  return port === undefined || httpPorts(service).includes(port);
}

/** The port that a call names. */
function portOf(authority: string): number | undefined {
  const [, digits] = /:(\d{1,5})$/.exec(authority) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The host that a call names, as the mesh writes it. */
function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
}

/** A path comes from the caller and goes into a header. */
function shorten(path: string): string {
  const printable = path.replace(/[^\x21-\x7e]/g, '?');
  return printable.length <= 200 ? printable : `${printable.slice(0, 200)}...`;
}
