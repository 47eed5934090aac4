import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
  Cluster_LbSubsetConfig_LbSubsetFallbackPolicy as SubsetFallback,
} from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { MeshSettings } from '../model/mesh.ts';
import type { Service, ServicePort } from '../model/service.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { fromControlPlane } from './config-source.ts';
import { encodeResource } from './encode.ts';
import { admitsKey } from './endpoints.ts';
import { betweenProxies } from './http-protocol-options.ts';
import { serviceCluster } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';
import { upstreamTls } from './tls-context.ts';

/**
 * The cluster of a service, the same for all callers: mTLS to its identities, and least request over its live replicas. `other`: a
 * port besides the main one. `affine`: some calls go to the same replica as others before, which takes a ring of hashes.
 */
export function serviceClusterResource(
  { zoneAware }: Pick<MeshSettings, 'zoneAware'>,
  service: Pick<Service, 'id' | 'identities' | 'retryBudget' | 'protocol'>,
  other: ServicePort | undefined,
  affine: boolean,
): Resource {
  const { identities, retryBudget: budget, id } = service;
  const protocol = other?.protocol ?? service.protocol;
  const name = serviceCluster(id, other?.port);
  const cluster = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: fromControlPlane, serviceName: name },
    connectTimeout: durationFromMs(1000),
    lbPolicy: affine ? LbPolicy.RING_HASH : LbPolicy.LEAST_REQUEST,
    // Always there, so that versions that begin or cease to differ change endpoints and routes and leave the cluster alone.
    lbSubsetConfig: {
      fallbackPolicy: SubsetFallback.ANY_ENDPOINT,
      subsetSelectors: [{ keys: [admitsKey] }],
      listAsAny: true,
      // Of a zone where fewer replicas are of the version that is needed, less is asked.
      ...(zoneAware ? { localityWeightAware: true, scaleLocalityWeight: true } : {}),
    },
    // The weights come with the endpoints, and say by which part calls stay in the caller's zone.
    ...(zoneAware
      ? {
          commonLbConfig: {
            localityConfigSpecifier: { case: 'localityWeightedLbConfig', value: {} },
          },
        }
      : {}),
    circuitBreakers: circuitBreakers({ budget }),
    // A replica that died while the control plane is away is left out for a while after connections to it fail.
    outlierDetection: {
      splitExternalLocalOriginErrors: true,
      consecutiveLocalOriginFailure: 3,
      enforcingConsecutiveLocalOriginFailure: 100,
      enforcingLocalOriginSuccessRate: 0,
      enforcingConsecutive5xx: 0,
      enforcingConsecutiveGatewayFailure: 0,
      enforcingSuccessRate: 0,
      baseEjectionTime: durationFromMs(5000),
      maxEjectionTime: durationFromMs(30_000),
      maxEjectionPercent: 50,
    },
    ...(protocol === 'tcp' ? {} : { typedExtensionProtocolOptions: betweenProxies }),
    transportSocket: upstreamTls(identities),
  });
  return encodeResource(typeUrls.cluster, name, ClusterSchema, cluster);
}
