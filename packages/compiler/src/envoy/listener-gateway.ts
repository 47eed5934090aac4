import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_CodecType as CodecType,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { Gateway } from '../model/gateway.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { SocketAddress } from '../model/workload.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import { buffer, cors, grpcStats, headerLimits, transcoder, withoutMeshHeaders } from './http-filters.ts';
import { gatewayReplies } from './local-reply.ts';
import { gatewayName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** What the codec takes, so that a request above a gateway's own limits still gets an answer. */
const codecHeaders = 16_384;
const codecHeaderKb = (maxHeaderBytes: number) => Math.min(8192, Math.max(512, Math.ceil(maxHeaderBytes / 512)));

/** Where a gateway takes calls from outside: HTTP/1.1 and HTTP/2, with limits, and without headers that only the mesh may set. */
export function gatewayListener(
  settings: MeshSettings,
  {
    name: gateway,
    maxHeaderBytes,
    maxHeaders,
    trustedHops,
  }: Pick<Gateway, 'name' | 'maxHeaderBytes' | 'maxHeaders' | 'trustedHops'>,
  listen: SocketAddress,
): Resource {
  const name = gatewayName(gateway);
  const listener = create(ListenerSchema, {
    name,
    address: address(listen),
    trafficDirection: TrafficDirection.INBOUND,
    perConnectionBufferLimitBytes: 1 << 20,
    filterChains: [
      {
        filters: [
          httpConnectionManager({
            direction: 'gateway',
            routes: name,
            serviceName: gateway,
            ...(settings.tracing ? { tracing: settings.tracing } : {}),
            filters: [
              withoutMeshHeaders,
              headerLimits(maxHeaders, maxHeaderBytes),
              cors,
              buffer,
              transcoder,
              grpcStats,
            ],
            replies: gatewayReplies,
            more: {
              codecType: CodecType.AUTO,
              useRemoteAddress: true,
              xffNumTrustedHops: trustedHops,
              forwardClientCertDetails: ClientCert.SANITIZE,
              normalizePath: true,
              maxRequestHeadersKb: codecHeaderKb(maxHeaderBytes),
              commonHttpProtocolOptions: { maxHeadersCount: codecHeaders, idleTimeout: durationFromMs(300_000) },
              http2ProtocolOptions: {
                maxConcurrentStreams: 1000,
                initialStreamWindowSize: 1 << 18,
                initialConnectionWindowSize: 1 << 22,
              },
              // Headers that never end hold a connection.
              requestHeadersTimeout: durationFromMs(10_000),
              streamIdleTimeout: durationFromMs(300_000),
            },
          }),
        ],
      },
    ],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}
