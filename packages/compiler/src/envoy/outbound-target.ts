import type { LogicalName } from '../model/mesh.ts';
import { namesOneOf } from '../model/method.ts';
import { httpPorts, portAccess, portsOf } from '../model/port-access.ts';
import type { Protocol, ServicePort } from '../model/service.ts';
import { barePort } from './called-port.ts';
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
  /** Those of `hosts` that lead here without a port, too. Each leads to one port of a service. */
  readonly bare: readonly string[];
  /** Calls by `bare` may mean other ports of the service, or none; absent: they always mean this one. */
  readonly choice?: PortChoice;
}

/** How the port of a call without one in its host name is found. */
export interface PortChoice {
  /** This port is meant where no redirected connection tells. */
  readonly isDefault: boolean;
  /** The other ports for HTTP that the caller may use. */
  readonly others: readonly number[];
  /** The service has no more ports for HTTP than this one and `others`. */
  readonly isWhole: boolean;
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
    const ports = portsOf(service).filter(({ port, protocol }) => {
      if (protocol !== 'tcp' && all.length === 0) return false;
      const access = portAccess(service, port);
      if (access === 'namespace') return service.namespace === namespace;
      if (access === 'methods') return namesOneOf(service.methods, names);
      return names.some((name) => access.callers.has(name));
    });
    return targetsAt(service, ports, all);
  });
}

/** Ports of a service at these host names. */
function targetsAt(
  service: CalledService,
  ports: readonly ServicePort[],
  hosts: readonly string[],
): readonly OutboundTarget[] {
  const usable = ports.flatMap(({ port, protocol }) => (protocol === 'tcp' ? [] : port));
  const byDefault = barePort(service);
  const keeper = usable.find((port) => port === byDefault) ?? usable[0];
  const all = httpPorts(service).length;
  const isWhole = all === usable.length;
  // A process has no address of its own, so that nothing is redirected to it.
  const tells = service.addresses.length > 0 || service.headless || all > 1;
  return ports.map(({ port, protocol }) => ({
    service,
    port,
    protocol,
    ...(port === service.port ? {} : { otherPort: port }),
    byMethod: portAccess(service, port) === 'methods',
    hosts: protocol === 'tcp' ? [] : hosts,
    bare: bareHosts(service, port, hosts, keeper),
    ...(port === keeper && tells
      ? { choice: { isDefault: port === byDefault, others: usable.filter((other) => other !== port), isWhole } }
      : {}),
  }));
}

/** A name in contracts is that of the main port; all other names are the keeper's. */
function bareHosts(
  { logicalName, port: main }: CalledService,
  port: number,
  hosts: readonly string[],
  keeper: number | undefined,
): readonly string[] {
  return hosts.filter((host) => (host === logicalName ? main : keeper) === port);
}

function asHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
