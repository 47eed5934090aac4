import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import {
  HttpConnectionManager_ForwardClientCertDetails as ClientCert,
  HttpConnectionManager_CodecType as CodecType,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { AccessLogLevel } from '../model/access-log.ts';
import type { Gateway } from '../model/gateway.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { SocketAddress } from '../model/workload.ts';
import { address } from './address.ts';
import {
  bufferBytesFromOutside,
  codecHeaders,
  http2FromOutside,
  idleFromOutsideMs,
  timesFromOutside,
  unroutedRequestMs,
} from './connection-limits.ts';
import { encodeResource } from './encode.ts';
import { httpConnectionManager } from './http-connection-manager.ts';
import {
  brokenAnswers,
  buffer,
  cors,
  declaredContent,
  grpcStats,
  grpcWeb,
  headerLimits,
  transcoder,
  withoutMeshHeaders,
} from './http-filters.ts';
import { gatewayReplies } from './local-reply.ts';
import { gatewayName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

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
  accessLog: AccessLogLevel,
): Resource {
  const name = gatewayName(gateway);
  const listener = create(ListenerSchema, {
    name,
    address: address(listen),
    trafficDirection: TrafficDirection.INBOUND,
    perConnectionBufferLimitBytes: bufferBytesFromOutside,
    filterChains: [
      {
        filters: [
          httpConnectionManager({
            direction: 'gateway',
            routes: name,
            serviceName: gateway,
            accessLog,
            ...(settings.tracing ? { tracing: settings.tracing } : {}),
            filters: [
              withoutMeshHeaders,
              headerLimits(maxHeaders, maxHeaderBytes),
              cors,
              declaredContent,
              ...grpcWeb,
              buffer,
              transcoder,
              ...brokenAnswers,
              grpcStats,
            ],
            replies: gatewayReplies,
            more: {
              codecType: CodecType.AUTO,
              useRemoteAddress: true,
              xffNumTrustedHops: trustedHops,
              forwardClientCertDetails: ClientCert.SANITIZE,
              maxRequestHeadersKb: Math.ceil(maxHeaderBytes / 1024) + codecHeaders.moreKb,
              commonHttpProtocolOptions: {
                maxHeadersCount: maxHeaders + codecHeaders.moreHeaders,
                idleTimeout: durationFromMs(idleFromOutsideMs),
                // Every route of a method says how long it may take; this is for a request that has none yet.
                maxStreamDuration: durationFromMs(unroutedRequestMs),
              },
              http2ProtocolOptions: http2FromOutside,
              ...timesFromOutside,
            },
          }),
        ],
      },
    ],
  });
  return encodeResource(typeUrls.listener, name, ListenerSchema, listener);
}
