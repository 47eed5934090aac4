import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { address } from '@weft/compiler/envoy/address';
import { http2Only } from '@weft/compiler/envoy/http-protocol-options';
import { extension } from '@weft/compiler/envoy/typed-config';
import type { ApplicationAddress, SocketAddress } from '@weft/compiler/model/workload';
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
} from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { HealthCheck } from '@weft/envoy-api/envoy/config/core/v3/health_check';
import { HealthCheckSchema } from '@weft/envoy-api/envoy/config/core/v3/health_check';
import { UpstreamTlsContextSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';

/** How a cluster of the bootstrap is spoken to. */
export interface StaticClusterOptions {
  readonly http2?: boolean;
  /** Encrypted but not verified, as the kubelet does it. */
  readonly tls?: boolean;
  /** While it fails nothing is sent there. */
  readonly healthCheck?: HealthCheck;
  /** Where the check looks, if not where calls go. */
  readonly healthCheckAddress?: SocketAddress;
}

/** A cluster of one address inside the pod. */
export function staticCluster(name: string, target: ApplicationAddress, options: StaticClusterOptions = {}): Cluster {
  const { healthCheckAddress } = options;
  const endpoint = {
    address: address(target),
    ...(healthCheckAddress ? { healthCheckConfig: { address: address(healthCheckAddress) } } : {}),
  };
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.STATIC },
    connectTimeout: durationFromMs(1000),
    loadAssignment: {
      clusterName: name,
      endpoints: [{ lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: endpoint } }] }],
    },
    ...(options.http2 ? { typedExtensionProtocolOptions: http2Only({}) } : {}),
    ...(options.tls ? { transportSocket: extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {}) } : {}),
    ...(options.healthCheck
      ? { healthChecks: [options.healthCheck], commonLbConfig: { healthyPanicThreshold: { value: 0 } } }
      : {}),
  });
}

/**
 * Whether a port is open, by connecting to it: as often as the kubelet would have while it is, and each second while it is not, so
 * that a pod becomes ready without delay. `closedPeriodMs`: another time for that.
 */
export function openPortCheck(periodSeconds: number, timeoutSeconds: number, closedPeriodMs = 1000): HealthCheck {
  return create(HealthCheckSchema, {
    timeout: durationFromMs(timeoutSeconds * 1000),
    interval: durationFromMs(periodSeconds * 1000),
    unhealthyInterval: durationFromMs(closedPeriodMs),
    // A cluster that nothing is routed to has intervals of its own, a minute by default.
    noTrafficInterval: durationFromMs(closedPeriodMs),
    noTrafficHealthyInterval: durationFromMs(periodSeconds * 1000),
    healthyThreshold: 1,
    unhealthyThreshold: 1,
    healthChecker: { case: 'tcpHealthCheck', value: {} },
  });
}
