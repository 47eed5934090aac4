import { hash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '@weft/compiler/envoy/resource';
import { Cluster_DiscoveryType, ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';

/** One type's resources in a snapshot, by name. */
export type Part = ReadonlyMap<string, Resource>;

/** A resource at a version, as a client may already hold it. */
export interface Held {
  /** The version as it stands on the wire. */
  readonly version: string;
  /** A hash of name and version; a set of resources has the XOR of its members' digests. */
  readonly digest: bigint;
  /** Absent where the client only told us the version. */
  readonly resource?: Resource;
}

/** A resource under the version that one stream sends it with. The same object for every stream that sends the same. */
export interface Offer extends Held {
  readonly name: string;
  readonly resource: Resource;
}

const noNames: readonly string[] = [];
const offers = new WeakMap<Resource, Map<string, Offer>>();
const endpointsNames = new WeakMap<Resource, string | null>();
const clustersByEndpoints = new WeakMap<Part, ReadonlyMap<string, readonly string[]>>();
const differences = new WeakMap<Part, WeakMap<Part, readonly string[]>>();

/** The digest of one resource at one version, for `setVersion`. */
export function digestOf(name: string, version: string): bigint {
  return BigInt(`0x${hash('sha256', `${name}\0${version}`, 'hex').slice(0, 16)}`);
}

/** The version of a set of resources: 16 hex digits that do not depend on any order. */
export function setVersion(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

/** A resource as a stream offers it. `suffix` distinguishes what else its version stands for; see `offerOf`. */
function offer(resource: Resource, suffix: string): Offer {
  let bySuffix = offers.get(resource);
  if (bySuffix === undefined) {
    bySuffix = new Map();
    offers.set(resource, bySuffix);
  }
  let found = bySuffix.get(suffix);
  if (found === undefined) {
    const version = suffix === '' ? resource.version : `${resource.version}.${suffix}`;
    found = { name: resource.name, version, digest: digestOf(resource.name, version), resource };
    bySuffix.set(suffix, found);
  }
  return found;
}

/**
 * What a stream has for `name`, or undefined.
 *
 * The version of endpoints on the wire also holds the version of the cluster that the client was sent: a changed cluster waits
 * for its endpoints even when they did not change. A client that lost its stream in between names endpoints of the old
 * cluster's version when it comes back, to whichever control plane, and so gets them again.
 */
export function offerOf(
  snapshot: Snapshot,
  typeUrl: TypeUrl,
  name: string,
  heldClusters: { get(name: string): Held | undefined } | undefined,
): Offer | undefined {
  const resource = snapshot.get(typeUrl)?.get(name);
  if (resource === undefined) return undefined;
  if (typeUrl !== typeUrls.endpoints || heldClusters === undefined) return offer(resource, '');
  const versions: string[] = [];
  for (const cluster of clustersOf(snapshot, name)) {
    const version = heldClusters.get(cluster)?.version;
    if (version !== undefined) versions.push(version);
  }
  return offer(resource, versions.join('.'));
}

/** The name of the endpoints that a cluster takes from EDS; undefined when it takes none. */
export function endpointsNameOf(cluster: Resource): string | undefined {
  let name = endpointsNames.get(cluster);
  if (name === undefined) {
    name = readEndpointsName(cluster) ?? null;
    endpointsNames.set(cluster, name);
  }
  return name ?? undefined;
}

function readEndpointsName(cluster: Resource): string | undefined {
  try {
    const { clusterDiscoveryType, edsClusterConfig, name } = fromBinary(ClusterSchema, cluster.body);
    if (clusterDiscoveryType.case !== 'type' || clusterDiscoveryType.value !== Cluster_DiscoveryType.EDS)
      return undefined;
    return edsClusterConfig?.serviceName || name;
  } catch {
    // The client will say what is wrong with it.
    return undefined;
  }
}

function clustersOf(snapshot: Snapshot, endpointsName: string): readonly string[] {
  const part = snapshot.get(typeUrls.cluster);
  if (part === undefined) return noNames;
  let index = clustersByEndpoints.get(part);
  if (index === undefined) {
    const building = new Map<string, string[]>();
    for (const cluster of part.values()) {
      const name = endpointsNameOf(cluster);
      if (name === undefined) continue;
      const clusters = building.get(name);
      if (clusters === undefined) building.set(name, [cluster.name]);
      else clusters.push(cluster.name);
    }
    index = building;
    clustersByEndpoints.set(part, index);
  }
  return index.get(endpointsName) ?? noNames;
}

/** The names that differ between two parts. Computed once for all streams that go from the one to the other. */
export function changedNames(before: Part | undefined, after: Part | undefined): Iterable<string> {
  if (before === after) return noNames;
  if (before === undefined) return after?.keys() ?? noNames;
  if (after === undefined) return before.keys();
  let byAfter = differences.get(before);
  if (byAfter === undefined) {
    byAfter = new WeakMap();
    differences.set(before, byAfter);
  }
  let names = byAfter.get(after);
  if (names === undefined) {
    const changed: string[] = [];
    for (const [name, resource] of after) {
      const old = before.get(name);
      if (old !== resource && old?.version !== resource.version) changed.push(name);
    }
    for (const name of before.keys()) if (!after.has(name)) changed.push(name);
    names = changed;
    byAfter.set(after, names);
  }
  return names;
}
