import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { ClusterSchema, Cluster_DiscoveryType as DiscoveryType } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { Service } from '../model/service.ts';
import type { InboundPort } from '../model/workload.ts';
import { address } from './address.ts';
import { circuitBreakers } from './circuit-breakers.ts';
import { encodeResource } from './encode.ts';
import { http1, http2 } from './http-protocol-options.ts';
import { inboundName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** The cluster of the application behind an inbound port; `maxRequests`: the most that it works on at once. */
export function applicationCluster(
  port: Pick<InboundPort, 'listen' | 'application'>,
  protocol: Service['protocol'],
  maxRequests: number | undefined,
): Resource {
  const name = inboundName(port.listen.port);
  const cluster = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: DiscoveryType.STATIC },
    connectTimeout: durationFromMs(1000),
    loadAssignment: {
      clusterName: name,
      endpoints: [
        {
          lbEndpoints: [{ hostIdentifier: { case: 'endpoint', value: { address: address(port.application) } } }],
        },
      ],
    },
    circuitBreakers: circuitBreakers(maxRequests === undefined ? {} : { maxRequests }),
    ...(protocol === 'tcp' ? {} : { typedExtensionProtocolOptions: protocol === 'http' ? http1 : http2 }),
  });
  return encodeResource(typeUrls.cluster, name, ClusterSchema, cluster);
}
