import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { Protocol, Service } from '../model/service.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { encodeResource } from './encode.ts';
import { betweenProxies } from './http-protocol-options.ts';
import { directCluster, passThroughCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { upstreamTls } from './tls-context.ts';

const common = {
  clusterDiscoveryType: { case: 'type' as const, value: DiscoveryType.ORIGINAL_DST },
  lbPolicy: LbPolicy.CLUSTER_PROVIDED,
  circuitBreakers: circuitBreakers({}),
};

/** Wherever the application wanted to go, as it wanted to. */
export const passThroughClusterResource: Resource = encodeResource(
  typeUrls.cluster,
  passThroughCluster,
  ClusterSchema,
  create(ClusterSchema, { ...common, name: passThroughCluster, connectTimeout: durationFromMs(10_000) }),
);

/** The replica of a service that the application has chosen itself: mTLS to the service's identities, as for any other replica. */
export function directClusterResource(
  { id, identities }: Pick<Service, 'id' | 'identities'>,
  port: number,
  protocol: Protocol,
): Resource {
  const name = directCluster(id, port);
  const cluster = create(ClusterSchema, {
    ...common,
    name,
    connectTimeout: durationFromMs(1000),
    ...(protocol === 'tcp' ? {} : { typedExtensionProtocolOptions: betweenProxies }),
    transportSocket: upstreamTls(identities),
  });
  return encodeResource(typeUrls.cluster, name, ClusterSchema, cluster);
}
