import { memoize } from '../memoize.ts';
import type { Mesh, WorkloadId } from '../model/mesh.ts';
import { admission, methodOf } from '../model/method.ts';
import { portAccess } from '../model/port-access.ts';
import { callerName } from './caller-name.ts';
import { callersLine, policyLine, type Refusal } from './refusal.ts';

/**
 * Says why a call that came to `callee` in plain text was refused. A caller whose proxy may not call the callee is not told of it, so
 * its calls come so, and are answered as if its own proxy had refused them. Who called is known by the address alone: that is good
 * enough for words, and for nothing else.
 */
export function plainTextRefusal(mesh: Mesh, callee: WorkloadId, path: string, sourceAddress: string): Refusal {
  const [pathOnly = path] = path.split('?', 1);
  const workload = workloadAt(mesh, sourceAddress);
  const caller = workload ? callerName(mesh, workload) : sourceAddress;
  const services = [...mesh.services.values()].filter(({ workloads }) => workloads.includes(callee));
  const method = services.map(({ methods }) => methodOf(methods, pathOnly)).find((found) => found !== undefined);
  const name = method ? pathOnly.slice(1) : (services[0]?.id ?? callee);
  const refused = (message: string, advice?: string): Refusal => ({
    caller,
    httpStatus: 403,
    message: `weft: ${message}`,
    ...(advice === undefined ? {} : { advice }),
  });
  if (workload === undefined) return refused(`${caller}, which is not in the mesh, may not call ${name} in plain text`);
  if (method === undefined) {
    const [service] = services;
    // Which of its ports was called is not told; what holds for the main one is worth a word.
    if (service === undefined || portAccess(service, service.port) !== 'namespace') {
      return refused(`${caller} may not call ${name}`);
    }
    return workload.startsWith(`${service.namespace}/`)
      ? refused(`${caller} called ${name} in plain text, past its proxy`, 'the name of the Service as the host')
      : refused(
          `${caller} may not call ${name}; it takes the workloads of namespace ${service.namespace}`,
          policyLine(service, service.port, caller),
        );
  }
  if (method.callers.has(caller)) {
    return refused(`${caller} called ${name} in plain text, past its proxy`, 'the name of the Service as the host');
  }
  return refused(`${caller} may not call ${name}; ${admission(method)}`, callersLine(method, caller));
}

/** The pod that has an address. */
export function workloadAt({ workloads }: Mesh, address: string): WorkloadId | undefined {
  return workloadsByAddress(workloads).get(address);
}

const workloadsByAddress = memoize(
  (workloads: Mesh['workloads']): ReadonlyMap<string, WorkloadId> =>
    new Map([...workloads.values()].flatMap(({ id, pod }) => (pod?.addresses ?? []).map((address) => [address, id]))),
);
