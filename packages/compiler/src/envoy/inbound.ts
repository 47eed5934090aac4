import type { ContractVersion } from '../model/contract.ts';
import type { Mesh } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { applicationCluster } from './cluster-application.ts';
import { type InboundRule, inboundRules } from './inbound-rule.ts';
import { inboundListener } from './listener-inbound.ts';
import { interceptedInbound, ownedInbound, type PodPort } from './listener-inbound-pod.ts';
import { inboundRoutes } from './names.ts';
import type { Resource } from './resource.ts';
import { inboundRoutesResource } from './route-inbound.ts';
import { openInboundRoutes } from './route-open.ts';

/** What the proxy of a workload holds to take calls from the mesh. `own`: its services, the one with a contract first. */
export function inboundResources(
  mesh: Mesh,
  workload: Workload,
  own: readonly Service[],
  serviceName: string,
): Resource[] {
  const ports = inboundRules(mesh, workload, own).map((rule) => ({
    rule,
    routes: inboundRoutes(rule.service?.id ?? workload.id, rule.port.listen.port),
    serviceName,
  }));
  return [...listeners(mesh, workload, ports), ...ports.flatMap((port) => behind(mesh, workload, port))];
}

function listeners({ settings }: Mesh, { pod }: Workload, ports: readonly PodPort[]): Resource[] {
  if (pod === undefined) {
    return ports.map(({ rule, routes, serviceName }) => inboundListener(settings, rule.port, routes, serviceName));
  }
  if (pod.interception === 'none') return ports.map((port) => ownedInbound(settings, port));
  // Without a port there is nothing to listen for, and nobody is let in.
  return ports.length === 0 ? [] : [interceptedInbound(settings, ports, pod.addresses.some(isIpv6))];
}

/** Whether an IP address is one of version 6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}

function behind(mesh: Mesh, workload: Workload, { rule, routes }: PodPort): Resource[] {
  const { port, protocol, service } = rule;
  const version = service?.versions.get(workload.contractHash ?? '');
  const cluster = applicationCluster(port, protocol, version?.maxConcurrentRequests);
  if (protocol === 'tcp') return [cluster];
  return [routesOf(mesh, rule, version, routes), cluster];
}

function routesOf(mesh: Mesh, rule: InboundRule, version: ContractVersion | undefined, name: string): Resource {
  const { port, service, peers } = rule;
  if (service === undefined || peers === undefined) return inboundRoutesResource(mesh, version, name, port.listen.port);
  return openInboundRoutes(name, port.listen.port, peers, service.logicalName ?? service.id);
}
