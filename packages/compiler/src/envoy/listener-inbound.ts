import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { MeshSettings } from '../model/mesh.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { inboundHttp, inboundTcp } from './filter-chain-inbound.ts';
import { maxWholeAnswerBytes } from './http-filters.ts';
import type { PodPort } from './listener-inbound-pod.ts';
import { inboundName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** Where the sidecar of a process takes calls from the mesh: strict mTLS, and for HTTP the caller's identity in x-forwarded-client-cert. */
export function inboundListener(settings: MeshSettings, { rule, routes, serviceName, accessLog }: PodPort): Resource {
  const { listen } = rule.port;
  const name = inboundName(listen.port);
  const listener = create(ListenerSchema, {
    name,
    address: address(listen),
    trafficDirection: TrafficDirection.INBOUND,
    perConnectionBufferLimitBytes: maxWholeAnswerBytes,
    filterChains: [
      rule.protocol === 'tcp'
        ? inboundTcp(settings, listen.port, rule.peers ?? [])
        : inboundHttp({ settings, routes, serviceName, accessLog }),
    ],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}
