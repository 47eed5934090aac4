import { create } from '@bufbuild/protobuf';
import type { Collection, Graph } from '@weft/collections';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import type { LocalityLbEndpoints } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import { LocalityLbEndpointsSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import type { LogicalName } from '../model/mesh.ts';
import type { Method } from '../model/method.ts';
import { portsOf } from '../model/port-access.ts';
import { destinationsOf } from '../model/route.ts';
import type { Service } from '../model/service.ts';
import { type SocketAddress, servedAt } from '../model/workload.ts';
import type { Translation } from '../translation/translate.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { serviceCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { zoneWeights } from './zone-weights.ts';
import { type CallerZones, countZones, readCallerZones } from './zones.ts';

/** The metadata key of endpoints that names what only some versions of a service admit. */
export const admitsKey = 'admits';

/** Where calls of a port of a service go: a replica that takes them. */
export interface Place {
  readonly listen: SocketAddress;
  readonly region: string;
  readonly zone: string;
  /** What it admits, where replicas differ in that. */
  readonly admits: readonly string[];
}

/** The tokens of a service's replicas, by the hashes of their contract versions. */
type Admissions = ReadonlyMap<string, readonly string[]>;

const none: ReadonlySet<string> = new Set();

/** The ready replicas of each port of a service, by the name of its endpoints. */
export function endpointPlaces(
  graph: Graph,
  { services, workloads, routes }: Translation,
): Collection<readonly Place[]> {
  // Versions and methods are the same objects while they say the same.
  const bothNone = { same: (a: Admissions, b: Admissions) => a.size === 0 && b.size === 0 };
  const pinned = graph.derive('versions of routes', routes.given, ({ rules }) =>
    destinationsOf(rules).filter(({ contractVersion }) => contractVersion !== undefined),
  );
  const pinnedOf = pinned.index('service', (found) => new Set(found.map(({ service }) => service)));
  const told = graph.group(
    'admissions of versions',
    pinnedOf,
    (id, read) => {
      const service = read.get(services.services, id);
      const found = read.values(pinnedOf, id).flat();
      const hashes = found.flatMap(({ service, contractVersion }) => (service === id && contractVersion) || []);
      return service && admissions(service, new Set(hashes));
    },
    bothNone,
  );
  const untold = graph.derive('admissions', services.services, (service) => admissions(service, none), bothNone);
  const admits = graph.union('admissions of services', [told, untold]);
  return graph.deriveMany('places', services.services, function* (service, read) {
    const ready = service.workloads
      .flatMap((id) => read.get(workloads.workloads, id) ?? [])
      .filter(({ ready }) => ready);
    const admitted = read.get(admits, service.id);
    for (const { port } of portsOf(service)) {
      const isMain = port === service.port;
      const places = ready.flatMap((replica): Place[] => {
        const at = servedAt(replica, service.id, port, isMain);
        if (at === undefined) return [];
        const { region = '', zone = '' } = replica.locality ?? {};
        return [{ listen: at.listen, region, zone, admits: admitted?.get(replica.contractHash ?? '') ?? [] }];
      });
      yield [serviceCluster(service.id, isMain ? undefined : port), places] as const;
    }
  });
}

/** How a caller weighs the zones of some endpoints, as one word that is the same for all with equal weights. */
export function weightsWord(zones: CallerZones, places: readonly Place[]): string {
  const { here, callers } = readCallerZones(zones);
  return JSON.stringify([...zoneWeights(here, callers, countZones(places))].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** `weights`: what `weightsWord` says; absent: every replica gets the same. */
export function encodeEndpoints(name: string, places: readonly Place[], weights?: string): Resource {
  const byZone: ReadonlyMap<string, number> | undefined =
    weights === undefined ? undefined : new Map(JSON.parse(weights));
  const byLocality = Map.groupBy(places, ({ region, zone }) => `${region}/${zone}`);
  const endpoints = [...byLocality]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) => locality(members, byZone?.get(members[0]?.zone ?? '') ?? members.length));
  const message = create(ClusterLoadAssignmentSchema, { clusterName: name, endpoints });
  return encodeResource(typeUrls.endpoints, name, ClusterLoadAssignmentSchema, message);
}

function locality(members: readonly Place[], weight: number): LocalityLbEndpoints {
  const { region = '', zone = '' } = members[0] ?? {};
  return create(LocalityLbEndpointsSchema, {
    ...(region === '' && zone === '' ? {} : { locality: { region, zone } }),
    loadBalancingWeight: weight,
    lbEndpoints: members.map(({ listen, admits }) => ({
      hostIdentifier: { case: 'endpoint' as const, value: { address: address(listen) } },
      ...(admits.length === 0 ? {} : { metadata: { filterMetadata: { 'envoy.lb': { [admitsKey]: [...admits] } } } }),
    })),
  });
}

/**
 * Whether `caller` may send `method` to some replicas only, because their contract versions differ: then the token that those
 * replicas bear, else undefined.
 */
export function subsetToken(method: Method, caller: LogicalName, versions: Service['versions']): string | undefined {
  if (versions.size < 2) return undefined;
  const admitting = [...versions.values()].filter((version) => version.methods.get(method.path)?.callers.has(caller));
  return admitting.length < versions.size ? `${caller} ${method.path}` : undefined;
}

/** The token of the replicas that run a contract version, where routes tell versions apart. */
export function versionToken(hash: string): string {
  return `version ${hash}`;
}

/** The tokens of each version's replicas. `told`: the hashes of those versions that routes tell apart. */
function admissions(
  { methods, versions }: Pick<Service, 'methods' | 'versions'>,
  told: ReadonlySet<string>,
): Admissions {
  if (versions.size < 2 && told.size === 0) return new Map();
  const tokens = [...methods.values()].flatMap((method) =>
    [...method.callers].flatMap((caller) => {
      const token = subsetToken(method, caller, versions);
      return token === undefined ? [] : { token, path: method.path, caller };
    }),
  );
  return new Map(
    [...versions].map(([hash, version]) => [
      hash,
      [
        ...tokens
          .filter(({ path, caller }) => version.methods.get(path)?.callers.has(caller))
          .map(({ token }) => token),
        ...(told.has(hash) ? [versionToken(hash)] : []),
      ],
    ]),
  );
}
