import { create } from '@bufbuild/protobuf';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import type { LocalityLbEndpoints } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import { LocalityLbEndpointsSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { type InboundPort, servedAt, type Workload } from '../model/workload.ts';
import { type Resource, typeUrls } from '../xds/resource.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { serviceCluster } from './names.ts';

/** The metadata key of endpoints that names what only some versions of a service admit. */
export const admitsKey = 'admits';

/** The replicas of a service that take calls; the same resource for all callers. `otherPort`: one besides the main port. */
export function endpoints(mesh: Mesh, service: Service, otherPort?: number): Resource {
  const replicas = service.workloads.flatMap((id) => mesh.workloads.get(id) ?? []).filter(({ ready }) => ready);
  return encodeEndpoints(service.methods, service.versions, service.id, service.port, otherPort, ...replicas);
}

const encodeEndpoints = memoize(
  (
    methods: Service['methods'],
    versions: Service['versions'],
    id: Service['id'],
    mainPort: number,
    otherPort: number | undefined,
    ...replicas: Workload[]
  ): Resource => {
    const name = serviceCluster(id, otherPort);
    const at = (replica: Workload) => servedAt(replica, id, otherPort ?? mainPort, otherPort === undefined);
    const byLocality = new Map<string, Workload[]>();
    for (const replica of replicas) {
      const key = `${replica.locality?.region ?? ''}/${replica.locality?.zone ?? ''}`;
      byLocality.set(key, [...(byLocality.get(key) ?? []), replica]);
    }
    const localities = [...byLocality]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, members]) => locality(members, at, methods, versions));
    return encodeResource(
      typeUrls.endpoints,
      name,
      ClusterLoadAssignmentSchema,
      create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints: localities }),
    );
  },
);

function locality(
  members: readonly Workload[],
  at: (replica: Workload) => InboundPort | undefined,
  methods: Service['methods'],
  versions: Service['versions'],
): LocalityLbEndpoints {
  const where = members[0]?.locality;
  return create(LocalityLbEndpointsSchema, {
    ...(where ? { locality: { region: where.region ?? '', zone: where.zone ?? '' } } : {}),
    loadBalancingWeight: members.length,
    lbEndpoints: members.flatMap((replica) => {
      const port = at(replica);
      if (port === undefined) return [];
      const admits = admitted(replica, methods, versions);
      return {
        hostIdentifier: { case: 'endpoint' as const, value: { address: address(port.listen) } },
        ...(admits.length > 0 ? { metadata: { filterMetadata: { 'envoy.lb': { [admitsKey]: admits } } } } : {}),
      };
    }),
  });
}

/**
 * Whether `caller` may send `method` to some replicas only, because their contract versions differ: then the token that those
 * replicas bear, else undefined.
 */
export function subsetToken(method: Method, caller: LogicalName, versions: Service['versions']): string | undefined {
  const admitting = [...versions.values()].filter((version) => version.methods.get(method.path)?.callers.has(caller));
  return admitting.length < versions.size ? `${caller} ${method.path}` : undefined;
}

function admitted(replica: Workload, methods: Service['methods'], versions: Service['versions']): string[] {
  const version = versions.get(replica.contractHash ?? '');
  if (version === undefined || versions.size < 2) return [];
  return [...methods.values()].flatMap((method) =>
    [...method.callers].flatMap((caller) => {
      const token = subsetToken(method, caller, versions);
      return token !== undefined && version.methods.get(method.path)?.callers.has(caller) ? token : [];
    }),
  );
}
