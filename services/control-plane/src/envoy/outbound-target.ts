import type { LogicalName, Mesh } from '../model/mesh.ts';
import { portAccess, portsOf } from '../model/port-access.ts';
import type { Protocol, Service } from '../model/service.ts';
import { servicesByCaller, servicesOpenToNamespace } from './call-graph.ts';

/** A port of a service that a workload may call. */
export interface OutboundTarget {
  readonly service: Service;
  readonly port: number;
  readonly protocol: Protocol;
  /** Absent: the main port. */
  readonly otherPort?: number;
  /** Its methods say what may be called; otherwise everything may. */
  readonly byMethod: boolean;
  /** Host names of its own, without a port: a name that two services could have is the first one's. HTTP only. */
  readonly hosts: readonly string[];
}

/** What the workloads of a namespace that go by these logical names may call. */
export function outboundTargets(mesh: Mesh, namespace: string, names: readonly LogicalName[]): OutboundTarget[] {
  const callees = new Set<Service>(servicesOpenToNamespace(mesh.services).get(namespace));
  for (const name of names) for (const service of servicesByCaller(mesh.services).get(name) ?? []) callees.add(service);
  // What is near counts first: the caller's own namespace, then by name.
  const near = [...callees].sort(
    (a, b) => Number(b.namespace === namespace) - Number(a.namespace === namespace) || (a.id < b.id ? -1 : 1),
  );
  const taken = new Set<string>();
  const take = (host: string) => !taken.has(host) && taken.add(host) !== undefined;
  // Logical names before hosts: a Service "orders" in a namespace "shop" must not take the name of another contract.
  const logical = new Map(near.map((service) => [service, service.logicalName && take(service.logicalName)]));
  return near.flatMap((service) => {
    const short = service.namespace === namespace ? [service.name] : [];
    const hosts = [...service.hosts, ...short, ...service.addresses.map(asHost)].filter(take);
    const all = logical.get(service) && service.logicalName ? [service.logicalName, ...hosts] : hosts;
    return portsOf(service).flatMap(({ port, protocol }) => {
      const access = portAccess(service, port);
      const admitted =
        access === 'methods'
          ? names.some((name) => callersInclude(service, name))
          : access === 'namespace'
            ? service.namespace === namespace
            : names.some((name) => access.callers.has(name));
      if (!admitted || (protocol !== 'tcp' && all.length === 0)) return [];
      return {
        service,
        port,
        protocol,
        ...(port === service.port ? {} : { otherPort: port }),
        byMethod: access === 'methods',
        hosts: protocol === 'tcp' ? [] : all,
      };
    });
  });
}

function callersInclude(service: Service, name: LogicalName): boolean {
  return [...service.methods.values()].some(({ callers, denied }) => callers.has(name) || denied?.has(name));
}

function asHost(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}
