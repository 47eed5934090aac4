import type { Mesh, ServiceId, WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { servicesByCaller, servicesByWorkload } from './call-graph.ts';
import { callerZones } from './caller-zones.ts';
import { serviceClusterResource } from './cluster-service.ts';
import { tracingClusterResource } from './cluster-tracing.ts';
import { endpoints } from './endpoints.ts';
import { inboundResources } from './inbound.ts';
import { gatewayListener } from './listener-gateway.ts';
import { outboundResources, sidecarTargets } from './outbound.ts';
import type { OutboundTarget } from './outbound-target.ts';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from './resource.ts';
import { gatewayRoutes } from './route-gateway.ts';

/** The types that are compiled; secrets are made elsewhere. */
export const compiledTypes: readonly TypeUrl[] = [
  typeUrls.cluster,
  typeUrls.endpoints,
  typeUrls.listener,
  typeUrls.route,
];

/**
 * Everything that one proxy should hold, without its secrets; undefined for an unknown workload. Pure: whatever did not change
 * since the mesh before is the same `Resource`, also between proxies.
 */
export function snapshotFor(mesh: Mesh, id: WorkloadId): Snapshot | undefined {
  const workload = mesh.workloads.get(id);
  if (workload === undefined) return undefined;
  const snapshot = new Map<TypeUrl, Map<string, Resource>>(compiledTypes.map((typeUrl) => [typeUrl, new Map()]));
  for (const resource of resourcesFor(mesh, workload)) snapshot.get(resource.typeUrl)?.set(resource.name, resource);
  return snapshot;
}

/** What the proxy of a workload should hold, of all types. */
export function resourcesFor(mesh: Mesh, workload: Workload): Resource[] {
  return [
    ...(mesh.settings.tracing ? [tracingClusterResource(mesh.settings.tracing)] : []),
    ...(workload.gateway ? gatewayResources(mesh, workload) : sidecarResources(mesh, workload)),
    ...endpointsFor(mesh, workload),
  ];
}

/** Of that, the endpoints; `only`: of these services. */
export function endpointsFor(mesh: Mesh, workload: Workload, only?: ReadonlySet<ServiceId>): Resource[] {
  const zones = callerZones(mesh, workload);
  return calleesOf(mesh, workload)
    .filter(({ service }) => only === undefined || only.has(service.id))
    .map(({ service, otherPort }) => endpoints(mesh.workloads, service, otherPort, zones));
}

/** The ports of services that a proxy sends calls to. */
function calleesOf(mesh: Mesh, workload: Workload): readonly Pick<OutboundTarget, 'service' | 'otherPort'>[] {
  if (workload.gateway === undefined) return sidecarTargets(mesh, workload, namesOf(mesh, workload));
  const gateway = mesh.gateways.get(workload.gateway.name);
  const services = (gateway && servicesByCaller(mesh.services).get(gateway.name)) ?? [];
  return services.map((service) => ({ service }));
}

/** A workload's logical names, with a space between. */
function namesOf(mesh: Mesh, workload: Workload): string {
  const own = servicesByWorkload(mesh.services).get(workload.id) ?? [];
  if (own.length === 1) return own[0]?.logicalName ?? '';
  return [...new Set(own.flatMap(({ logicalName }) => logicalName ?? []))].join(' ');
}

function sidecarResources(mesh: Mesh, workload: Workload): Resource[] {
  const own = servicesByWorkload(mesh.services).get(workload.id) ?? [];
  const primary = own.find(({ logicalName }) => logicalName !== undefined) ?? own[0];
  const serviceName = primary?.logicalName ?? primary?.name ?? workload.name;
  return [
    ...inboundResources(mesh, workload, primary ? [primary] : [], serviceName),
    ...outboundResources(mesh, workload, namesOf(mesh, workload), serviceName),
  ];
}

function gatewayResources(mesh: Mesh, workload: Workload): Resource[] {
  const gateway = workload.gateway && mesh.gateways.get(workload.gateway.name);
  if (workload.gateway === undefined || gateway === undefined) return [];
  const services = servicesByCaller(mesh.services).get(gateway.name) ?? [];
  return [
    gatewayListener(mesh.settings, gateway, workload.gateway.listen),
    gatewayRoutes(gateway, services),
    ...services.map((service) => serviceClusterResource(mesh.settings, service)),
  ];
}
