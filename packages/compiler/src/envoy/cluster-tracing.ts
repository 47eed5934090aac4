import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ClusterSchema, Cluster_DiscoveryType as DiscoveryType } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { TracingSettings } from '../model/mesh.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { http2 } from './http-protocol-options.ts';
import { tracingCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** The cluster of the OTLP collector. */
export function tracingClusterResource(settings: TracingSettings): Resource {
  const cluster = create(ClusterSchema, {
    name: tracingCluster,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.STRICT_DNS },
    connectTimeout: durationFromMs(1000),
    loadAssignment: {
      clusterName: tracingCluster,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: address(settings) } } }] }],
    },
    typedExtensionProtocolOptions: http2,
  });
  return encodeResource(typeUrls.cluster, tracingCluster, ClusterSchema, cluster);
}
