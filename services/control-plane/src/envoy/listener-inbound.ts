import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_CodecType as CodecType,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { memoize } from '../memoize.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { InboundPort } from '../model/workload.ts';
import { type Resource, typeUrls } from '../xds/resource.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { denyByDefault, grpcStats, localRateLimit } from './http-filters.ts';
import { inboundReplies } from './local-reply.ts';
import { inboundName } from './names.ts';
import { downstreamTls } from './tls-context.ts';

/** Where a sidecar takes calls from the mesh: strict mTLS, the caller's identity in x-forwarded-client-cert. */
export const inboundListener = memoize(
  (settings: MeshSettings, port: InboundPort, routes: string, serviceName: string): Resource => {
    const name = inboundName(port.listen.port);
    const listener = create(ListenerSchema, {
      name,
      address: address(port.listen),
      trafficDirection: TrafficDirection.INBOUND,
      filterChains: [
        {
          transportSocket: downstreamTls(settings.trustDomain),
          filters: [
            httpConnectionManager({
              direction: 'inbound',
              routes,
              serviceName,
              ...(settings.tracing ? { tracing: settings.tracing } : {}),
              filters: [grpcStats, denyByDefault, localRateLimit],
              replies: inboundReplies,
              more: {
                codecType: CodecType.HTTP2,
                forwardClientCertDetails: ClientCert.SANITIZE_SET,
                setCurrentClientCertDetails: { uri: true },
                // A connection must not live on certificates that have ended.
                commonHttpProtocolOptions: { maxConnectionDuration: durationFromMs(settings.certificateLifetimeMs) },
                skipXffAppend: true,
              },
            }),
          ],
        },
      ],
    });
    return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
  },
);
