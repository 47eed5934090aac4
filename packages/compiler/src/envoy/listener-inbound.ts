import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { MeshSettings } from '../model/mesh.ts';
import type { InboundPort } from '../model/workload.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { inboundHttp } from './filter-chain-inbound.ts';
import { maxWholeAnswerBytes } from './http-filters.ts';
import { inboundName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** Where a sidecar takes calls from the mesh: strict mTLS, the caller's identity in x-forwarded-client-cert. */
export function inboundListener(
  settings: MeshSettings,
  port: InboundPort,
  routes: string,
  serviceName: string,
): Resource {
  const name = inboundName(port.listen.port);
  const listener = create(ListenerSchema, {
    name,
    address: address(port.listen),
    trafficDirection: TrafficDirection.INBOUND,
    perConnectionBufferLimitBytes: maxWholeAnswerBytes,
    filterChains: [inboundHttp({ settings, routes, serviceName })],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}
