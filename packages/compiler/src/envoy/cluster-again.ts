import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ClusterSchema, Cluster_DiscoveryType as DiscoveryType } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { SocketAddress } from '../model/workload.ts';
import { address } from './address.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { encodeResource } from './encode.ts';
import { asCalled } from './http-protocol-options.ts';
import { againCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** The cluster of a sidecar's own outbound listener, for calls that were held back until their route was there. */
export function againClusterResource(listen: SocketAddress): Resource {
  const cluster = create(ClusterSchema, {
    name: againCluster,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.STATIC },
    connectTimeout: durationFromMs(1000),
    loadAssignment: {
      clusterName: againCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: address(listen) } } }] }],
    },
    circuitBreakers: circuitBreakers({}),
    typedExtensionProtocolOptions: asCalled,
  });
  return encodeResource(typeUrls.cluster, againCluster, ClusterSchema, cluster);
}
