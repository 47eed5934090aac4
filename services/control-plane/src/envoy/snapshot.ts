import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh, WorkloadId } from '../model/mesh.ts';
import type { Service } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '../xds/resource.ts';
import { servicesByCaller, servicesByWorkload } from './call-graph.ts';
import { applicationCluster } from './cluster-application.ts';
import { serviceClusterResource } from './cluster-service.ts';
import { tracingClusterResource } from './cluster-tracing.ts';
import { endpoints } from './endpoints.ts';
import { gatewayListener } from './listener-gateway.ts';
import { inboundListener } from './listener-inbound.ts';
import { outboundListener } from './listener-outbound.ts';
import { inboundRoutes } from './names.ts';
import { gatewayRoutes } from './route-gateway.ts';
import { inboundRoutesResource } from './route-inbound.ts';
import { type OutboundCallee, outboundRoutes } from './route-outbound.ts';

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
  const version = primary?.versions.get(workload.contractHash ?? '');
  const serviceName = primary?.logicalName ?? primary?.name ?? workload.name;
  const resources: Resource[] = [];
  for (const port of workload.inbound) {
    const routes = inboundRoutes(primary?.id ?? workload.id, port.listen.port);
    resources.push(
      inboundListener(mesh.settings, port, routes, serviceName),
      inboundRoutesResource(mesh, version, routes, port.listen.port),
      applicationCluster(port, primary?.protocol ?? 'grpc', version?.maxConcurrentRequests),
    );
  }
  if (workload.outbound) {
    const names = [...new Set(own.flatMap(({ logicalName }) => logicalName ?? []))];
    resources.push(
      outboundListener(mesh.settings, workload.outbound, serviceName),
      ...calleeResources(mesh, workload.namespace, names.join(' ')),
    );
  }
  return resources;
}

/** What a sidecar holds of the services that it may call: the same for all in its namespace that go by the same names. */
const calleeResources = memoize((mesh: Mesh, namespace: string, callerNames: string): readonly Resource[] => {
  const names: LogicalName[] = callerNames === '' ? [] : callerNames.split(' ');
  const callees = calleesOf(mesh, namespace, names);
  return [
    outboundRoutes(callees, names),
    ...callees.flatMap(({ service }) => [serviceClusterResource(service), endpoints(mesh, service)]),
  ];
});

function gatewayResources(mesh: Mesh, workload: Workload): Resource[] {
  const gateway = workload.gateway && mesh.gateways.get(workload.gateway.name);
  if (workload.gateway === undefined || gateway === undefined) return [];
  const services = servicesByCaller(mesh.services).get(gateway.name) ?? [];
  return [
    gatewayListener(mesh.settings, gateway, workload.gateway.listen),
    gatewayRoutes(gateway, services),
    ...services.flatMap((service) => [serviceClusterResource(service), endpoints(mesh, service)]),
  ];
}

/** The services that a workload may call, each with host names of its own: a name that two could have is the first one's. */
function calleesOf(mesh: Mesh, namespace: string, names: readonly LogicalName[]): OutboundCallee[] {
  const callees = new Set<Service>();
  for (const name of names) for (const service of servicesByCaller(mesh.services).get(name) ?? []) callees.add(service);
  // What is near counts first: the caller's own namespace, then by name.
  const near = [...callees].sort(
    (a, b) => Number(b.namespace === namespace) - Number(a.namespace === namespace) || (a.id < b.id ? -1 : 1),
  );
  const taken = new Set<string>();
  const take = (domain: string) => !taken.has(domain) && taken.add(domain) !== undefined;
  // Logical names before hosts: a Service "orders" in a namespace "shop" must not take the name of another contract.
  const logical = new Map(near.map((service) => [service, service.logicalName && take(service.logicalName)]));
  return near.flatMap((service) => {
    const short = service.namespace === namespace ? [service.name] : [];
    const hosts = [...service.hosts, ...short].filter(take);
    const domains = logical.get(service) && service.logicalName ? [service.logicalName, ...hosts] : hosts;
    return domains.length > 0 ? { service, domains } : [];
  });
}
