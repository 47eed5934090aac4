import { fromBinary } from '@bufbuild/protobuf';
import type { Resource } from '@weft/compiler/envoy/resource';
import { Cluster_DiscoveryType, ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';

const endpointsNames = new WeakMap<Resource, string | null>();

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
