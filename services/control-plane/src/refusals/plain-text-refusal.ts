import { callerName } from '@weft/compiler/model/caller-name';
import type { Mesh, ServiceId, WorkloadId } from '@weft/compiler/model/mesh';
import { admission, methodOf } from '@weft/compiler/model/method';
import { partsOfId } from '@weft/compiler/model/names';
import { portAccess } from '@weft/compiler/model/port-access';
import { targetAt, workloadAt } from './at-address.ts';
import { callersLine, policyLine, type Refusal } from './refusal.ts';

/** Who may call a service in the mesh, and called it past its proxy. */
export interface Admitted {
  readonly workload: WorkloadId;
  readonly service: ServiceId;
}

/**
 * Says why a call that came to `callee` in plain text was refused. A caller whose proxy may not call the callee is not told of it, so
 * its calls come so, and are answered as if its own proxy had refused them. Who called is known by the address alone: that is good
 * enough for words, and for nothing else.
 *
 * `port`: the callee's own. `path` of the result is what the call is counted by: the method; where there is none, the service's port.
 */
export function plainTextRefusal(
  mesh: Mesh,
  callee: WorkloadId,
  port: number,
  path: string,
  sourceAddress: string,
): Refusal & { readonly path: string; readonly admitted?: Admitted } {
  const [pathOnly = path] = path.split('?', 1);
  const workload = workloadAt(mesh, sourceAddress);
  const caller = workload ? callerName(mesh, workload) : sourceAddress;
  const { target, service, servicePort } = targetAt(mesh, callee, port);
  const method = service && methodOf(service.methods, pathOnly);
  const name = method ? pathOnly.slice(1) : (service?.id ?? target);
  const refused = (message: string, advice?: string) => ({
    caller,
    path: method ? pathOnly : target,
    httpStatus: 403 as const,
    message: `weft: ${message}`,
    ...(advice === undefined ? {} : { advice }),
  });
  const pastItsProxy = () =>
    refused(`${caller} called ${name} in plain text, past its proxy`, 'the name of the Service as the host');
  if (workload === undefined) return refused(`${caller}, which is not in the mesh, may not call ${name} in plain text`);
  if (method) {
    if (method.callers.has(caller)) return { ...pastItsProxy(), admitted: { workload, service: service.id } };
    return refused(`${caller} may not call ${name}; ${admission(method, caller)}`, callersLine(method, caller));
  }
  if (service === undefined || portAccess(service, servicePort) !== 'namespace') {
    return refused(`${caller} may not call ${name}`);
  }
  if (partsOfId(workload).namespace === service.namespace) return pastItsProxy();
  const admitted = `it takes the workloads of namespace ${service.namespace}`;
  return refused(`${caller} may not call ${name}; ${admitted}`, policyLine(service, servicePort, caller));
}
