import type { Mesh, WorkloadId } from '../model/mesh.ts';
import type { Workload } from '../model/workload.ts';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '../xds/resource.ts';
import { servicesByCaller, servicesByWorkload } from './call-graph.ts';
import { callerZones } from './caller-zones.ts';
import { serviceClusterResource } from './cluster-service.ts';
import { tracingClusterResource } from './cluster-tracing.ts';
import { endpoints } from './endpoints.ts';
import { inboundResources } from './inbound.ts';
import { gatewayListener } from './listener-gateway.ts';
import { outboundResources } from './outbound.ts';
import { gatewayRoutes } from './route-gateway.ts';

/**
 * Everything that one proxy should hold, without its secrets; undefined for an unknown workload. Pure: whatever did not change
 * since the mesh before is the same `Resource`, also between proxies.
 */
export function snapshotFor(mesh: Mesh, id: WorkloadId): Snapshot | undefined {
  const workload = mesh.workloads.get(id);
  if (workload === undefined) return undefined;
  const resources = [
    ...(mesh.settings.tracing ? [tracingClusterResource(mesh.settings.tracing)] : []),
    ...(workload.gateway ? gatewayResources(mesh, workload) : sidecarResources(mesh, workload)),
  ];
  const snapshot = new Map<TypeUrl, Map<string, Resource>>(
    [typeUrls.cluster, typeUrls.endpoints, typeUrls.listener, typeUrls.route].map((typeUrl) => [typeUrl, new Map()]),
  );
  for (const resource of resources) snapshot.get(resource.typeUrl)?.set(resource.name, resource);
  return snapshot;
}

function sidecarResources(mesh: Mesh, workload: Workload): Resource[] {
  const own = servicesByWorkload(mesh.services).get(workload.id) ?? [];
  const primary = own.find(({ logicalName }) => logicalName !== undefined) ?? own[0];
  const serviceName = primary?.logicalName ?? primary?.name ?? workload.name;
  const names = [...new Set(own.flatMap(({ logicalName }) => logicalName ?? []))];
  return [
    ...inboundResources(mesh, workload, primary ? [primary] : [], serviceName),
    ...outboundResources(mesh, workload, names, serviceName),
  ];
}

function gatewayResources(mesh: Mesh, workload: Workload): Resource[] {
  const gateway = workload.gateway && mesh.gateways.get(workload.gateway.name);
  if (workload.gateway === undefined || gateway === undefined) return [];
  const services = servicesByCaller(mesh.services).get(gateway.name) ?? [];
  const zones = callerZones(mesh, workload);
  return [
    gatewayListener(mesh.settings, gateway, workload.gateway.listen),
    gatewayRoutes(gateway, services),
    ...services.flatMap((service) => [
      serviceClusterResource(mesh.settings, service),
      endpoints(mesh, service, undefined, zones),
    ]),
  ];
}
