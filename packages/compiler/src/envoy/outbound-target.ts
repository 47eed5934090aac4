import type { LogicalName } from '../model/mesh.ts';
import { namesOneOf } from '../model/method.ts';
import { portAccess, portsOf } from '../model/port-access.ts';
import type { Protocol } from '../model/service.ts';
import type { CalledService } from './called-services.ts';

/** A port of a service that a workload may call. */
export interface OutboundTarget {
  readonly service: CalledService;
  readonly port: number;
  readonly protocol: Protocol;
  /** Absent: the main port. */
  readonly otherPort?: number;
  /** Its methods say what may be called; otherwise everything may. */
  readonly byMethod: boolean;
  /** Host names of its own, without a port: a name that two services could have is the first one's. HTTP only. */
  readonly hosts: readonly string[];
}

/**
 * What the workloads of a namespace that go by these logical names may call. `services`: those with a method that names one of them,
 * or with a port that their namespace may use.
 */
export function outboundTargets(
  services: Iterable<CalledService>,
  namespace: string,
  names: readonly LogicalName[],
): OutboundTarget[] {
  // What is near counts first: the caller's own namespace, then by name.
  const near = [...services].sort(
    (a, b) => Number(b.namespace === namespace) - Number(a.namespace === namespace) || (a.id < b.id ? -1 : 1),
  );
  const taken = new Set<string>();
  const take = (host: string) => !taken.has(host) && taken.add(host) !== undefined;
  // Logical names before hosts: a Service "orders" in a namespace "bakery" must not take the name of another contract.
  const logical = new Map(near.map((service) => [service, service.logicalName && take(service.logicalName)]));
  return near.flatMap((service) => {
    const short = service.namespace === namespace ? [service.name] : [];
    const hosts = [...service.hosts, ...short, ...service.addresses.map(asHost)].filter(take);
    const all = logical.get(service) && service.logicalName ? [service.logicalName, ...hosts] : hosts;
    return targetsAt(service, all).filter(({ port, protocol }) => {
      if (protocol !== 'tcp' && all.length === 0) return false;
      const access = portAccess(service, port);
      if (access === 'namespace') return service.namespace === namespace;
      if (access === 'methods') return namesOneOf(service.methods, names);
      return names.some((name) => access.callers.has(name));
    });
  });
}

/** Every port of a service at these host names. */
function targetsAt(service: CalledService, hosts: readonly string[]): readonly OutboundTarget[] {
  return portsOf(service).map(({ port, protocol }) => ({
    service,
    port,
    protocol,
    ...(port === service.port ? {} : { otherPort: port }),
    byMethod: portAccess(service, port) === 'methods',
    hosts: protocol === 'tcp' ? [] : hosts,
  }));
}

function asHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
