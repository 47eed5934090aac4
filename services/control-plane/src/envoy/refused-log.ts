import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AccessLog,
  AccessLogFilterSchema,
  AccessLogSchema,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { ApiVersion } from '@weft/envoy-api/envoy/config/core/v3/config_source';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@weft/envoy-api/envoy/extensions/access_loggers/grpc/v3/als';
import { controlPlaneCluster } from './names.ts';
import { connectionLog } from './tcp-proxy.ts';
import { extension } from './typed-config.ts';

// What proxies tell the control plane, which knows who is at an address; for those who look at the pod it is on stdout, too.

/** Names under which it is told. */
export const told = { refused: 'refused', plainText: 'plain-text' } as const;

const toControlPlane = (logName: string) => ({
  logName,
  transportApiVersion: ApiVersion.V3,
  grpcService: { targetSpecifier: { case: 'envoyGrpc' as const, value: { clusterName: controlPlaneCluster } } },
  bufferFlushInterval: durationFromMs(1000),
});

const tcp = (logName: string): AccessLog =>
  create(
    AccessLogSchema,
    extension('envoy.access_loggers.tcp_grpc', TcpGrpcAccessLogConfigSchema, { commonConfig: toControlPlane(logName) }),
  );

/** Connections that no chain took. */
export const refusedConnections: readonly AccessLog[] = [connectionLog('inbound'), tcp(told.refused)].map((log) =>
  create(AccessLogSchema, {
    ...log,
    filter: create(AccessLogFilterSchema, {
      filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } },
    }),
  }),
);

/** Connections in plain text that were taken. */
export const plainConnections: AccessLog = tcp(told.plainText);

/** Requests in plain text that were taken. */
export const plainRequests: AccessLog = create(
  AccessLogSchema,
  extension('envoy.access_loggers.http_grpc', HttpGrpcAccessLogConfigSchema, {
    commonConfig: toControlPlane(told.plainText),
  }),
);
