import { callerName } from '@weft/compiler/model/caller-name';
import type { LogicalName, Mesh, WorkloadId } from '@weft/compiler/model/mesh';
import { admission, type Method, methodOf } from '@weft/compiler/model/method';
import { isSpiffeId, partsOfId } from '@weft/compiler/model/names';
import { originWords } from '@weft/compiler/model/policy-origin';
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
  return origin.is === 'resource' && origin.ref.kind === 'MeshPolicy'
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
 * no such method (404, UNIMPLEMENTED), or it may and its proxy has not heard of it yet (503, UNAVAILABLE).
 */
export function refusalOf(mesh: Mesh, workload: WorkloadId, path: string, authority: string): Refusal {
  const caller = callerName(mesh, workload);
  const [pathOnly = path] = path.split('?', 1);
  const method = methodAt(mesh, pathOnly, authority, partsOfId(workload).namespace);
  if (method === undefined) {
    return { caller, httpStatus: 404, message: `weft: no service of the mesh has ${shorten(pathOnly)}` };
  }
  const name = pathOnly.slice(1);
  if (method.callers.has(caller)) {
    return {
      caller,
      httpStatus: 503,
      message: `weft: ${caller} may call ${name}, but its proxy does not know it yet; try again`,
    };
  }
  const advice = callersLine(method, caller);
  const message = `weft: ${caller} may not call ${name}; ${admissionOf(method)}`;
  return { caller, httpStatus: 403, message, ...(advice === undefined ? {} : { advice }) };
}

const admissions = new WeakMap<Method, string>();

/** Said once for each method as long as it stays as it is: it names all callers. */
function admissionOf(method: Method): string {
  const words = admissions.get(method) ?? admission(method);
  admissions.set(method, words);
  return words;
}

/** The method of the service that is addressed, else that of any service: the caller may have the name wrong, too. */
function methodAt(mesh: Mesh, path: string, authority: string, namespace: string): Method | undefined {
  const host = authority.replace(/:\d+$/, '');
  for (const service of addressed(mesh, host, namespace)) {
    const method = methodOf(service.methods, path);
    if (method) return method;
  }
  // A rule for all paths of a service says nothing about a call to another one.
  return mesh.lookups.servicesWithMethod(path)[0]?.methods.get(path);
}

/** The services that a host name stands for, by id. In its own namespace a service has its bare name, too. */
function addressed(mesh: Mesh, host: string, namespace: string): readonly Service[] {
  const named = mesh.lookups.servicesNamed(host);
  const neighbor = mesh.services.get(`${namespace}/${host}`);
  if (neighbor === undefined || named.includes(neighbor)) return named;
  return [...named, neighbor].sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** A path comes from the caller and goes into a header. */
function shorten(path: string): string {
  const printable = path.replace(/[^\x21-\x7e]/g, '?');
  return printable.length <= 200 ? printable : `${printable.slice(0, 200)}...`;
}
