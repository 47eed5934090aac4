import { create } from '@bufbuild/protobuf';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import type { LocalityLbEndpoints } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import { LocalityLbEndpointsSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import { memoize } from '../memoize.ts';
import type { LogicalName, Mesh } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import type { Service } from '../model/service.ts';
import { type InboundPort, type Locality, servedAt, type Workload } from '../model/workload.ts';
import { address } from './address.ts';
import { type CallerZones, readCallerZones } from './caller-zones.ts';
import { encodeResource } from './encode.ts';
import { serviceCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { zoneWeights } from './zone-weights.ts';

/** The metadata key of endpoints that names what only some versions of a service admit. */
export const admitsKey = 'admits';

/**
 * The replicas of a service that take calls; the same resource for all callers, and where zones are preferred for all callers in a
 * zone. `otherPort`: one besides the main port.
 */
export const endpoints = memoize(
  (workloads: Mesh['workloads'], service: Service, otherPort?: number, zones?: CallerZones): Resource => {
    const { id, port, methods, versions, identities } = service;
    const replicas = service.workloads.flatMap((id) => workloads.get(id) ?? []).filter(({ ready }) => ready);
    const places = replicas.flatMap((replica) => {
      const at = servedAt(replica, id, otherPort ?? port, otherPort === undefined);
      return at ? place(at, replica.locality, admitted(replica, methods, versions).join('\n')) : [];
    });
    const encode = encodeEndpoints(identities, id, otherPort, ...places);
    return encode(zones === undefined ? undefined : weightsFor(zones, replicas));
  },
);

/** What of a replica is in the bytes: not its contract, except where replicas differ in the calls that they admit. */
interface Place {
  readonly port: InboundPort;
  readonly locality: Locality | undefined;
  /** Tokens, one a line. */
  readonly admits: string;
}

const place = memoize(
  (port: InboundPort, locality: Locality | undefined, admits: string): Place => ({ port, locality, admits }),
);

type Weights = ReadonlyMap<string, number>;

/** Callers come and go in many numbers, while the replicas that they call stay. */
const maxVariants = 64;

/** `_identities` is not in the bytes: what is remembered here of a service is forgotten with them. */
const encodeEndpoints = memoize(
  (
    _identities: Service['identities'],
    id: Service['id'],
    otherPort: number | undefined,
    ...places: Place[]
  ): ((weights?: Weights) => Resource) => {
    const name = serviceCluster(id, otherPort);
    const byLocality = new Map<string, Place[]>();
    for (const one of places) {
      const key = `${one.locality?.region ?? ''}/${one.locality?.zone ?? ''}`;
      byLocality.set(key, [...(byLocality.get(key) ?? []), one]);
    }
    const localities = [...byLocality].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, members]) => members);
    const variants = new Map<string, Resource>();
    return (weights) => {
      const key = weights ? [...weights].join(' ') : '';
      const known = variants.get(key);
      if (known) return known;
      const endpoints = localities.map((members) => {
        const weight = weights?.get(members[0]?.locality?.zone ?? '') ?? members.length;
        return locality(members, weight);
      });
      const message = create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints });
      const resource = encodeResource(typeUrls.endpoints, name, ClusterLoadAssignmentSchema, message);
      if (variants.size >= maxVariants) variants.clear();
      variants.set(key, resource);
      return resource;
    };
  },
);

function weightsFor(zones: CallerZones, replicas: readonly Workload[]): Weights {
  const counts = new Map<string, number>();
  for (const { locality } of replicas) counts.set(locality?.zone ?? '', (counts.get(locality?.zone ?? '') ?? 0) + 1);
  const { here, callers } = readCallerZones(zones);
  return zoneWeights(here, callers, counts);
}

function locality(members: readonly Place[], weight: number): LocalityLbEndpoints {
  const where = members[0]?.locality;
  return create(LocalityLbEndpointsSchema, {
    ...(where ? { locality: { region: where.region ?? '', zone: where.zone ?? '' } } : {}),
    loadBalancingWeight: weight,
    lbEndpoints: members.map(({ port, admits }) => ({
      hostIdentifier: { case: 'endpoint' as const, value: { address: address(port.listen) } },
      ...(admits === '' ? {} : { metadata: { filterMetadata: { 'envoy.lb': { [admitsKey]: admits.split('\n') } } } }),
    })),
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
