import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import {
  type AccessLog,
  AccessLogFilterSchema,
  AccessLogSchema,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { ApiVersion } from '@weft/envoy-api/envoy/config/core/v3/config_source';
import { AccessLogType } from '@weft/envoy-api/envoy/data/accesslog/v3/accesslog';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@weft/envoy-api/envoy/extensions/access_loggers/grpc/v3/als';
import type { HttpConnectionManager_HcmAccessLogOptionsSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { TcpProxy_TcpAccessLogOptionsSchema } from '@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { accessLog } from './access-log.ts';
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

/** The same log, of these moments of a call only. */
const onlyAt = (types: readonly AccessLogType[], log: AccessLog): AccessLog =>
  create(AccessLogSchema, {
    ...log,
    filter: create(AccessLogFilterSchema, { filterSpecifier: { case: 'logTypeFilter', value: { types: [...types] } } }),
  });

/** Connections that no chain took. */
export const refusedConnections: readonly AccessLog[] = [connectionLog('inbound'), tcp(told.refused)].map((log) =>
  create(AccessLogSchema, {
    ...log,
    filter: create(AccessLogFilterSchema, {
      filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['NR'] } },
    }),
  }),
);

/** How often a call that lasts is told again: a control plane that has just begun must hear of it, too. */
const againMs = 600_000;

/** Connections in plain text that were taken: told when they begin and while they last, on stdout when they end. */
export const plainConnections: {
  readonly logs: readonly AccessLog[];
  readonly options: MessageInitShape<typeof TcpProxy_TcpAccessLogOptionsSchema>;
} = {
  logs: [
    onlyAt([AccessLogType.TcpConnectionEnd], connectionLog('inbound')),
    onlyAt([AccessLogType.TcpUpstreamConnected, AccessLogType.TcpPeriodic], tcp(told.plainText)),
  ],
  options: { flushAccessLogOnConnected: true, accessLogFlushInterval: durationFromMs(againMs) },
};

/** The same of requests. */
export const plainRequests: {
  readonly logs: readonly AccessLog[];
  readonly options: MessageInitShape<typeof HttpConnectionManager_HcmAccessLogOptionsSchema>;
} = {
  logs: [
    ...accessLog('inbound', 'all').map((log) => onlyAt([AccessLogType.DownstreamEnd], log)),
    onlyAt(
      [AccessLogType.DownstreamStart, AccessLogType.DownstreamPeriodic],
      create(
        AccessLogSchema,
        extension('envoy.access_loggers.http_grpc', HttpGrpcAccessLogConfigSchema, {
          commonConfig: toControlPlane(told.plainText),
        }),
      ),
    ),
  ],
  options: { flushAccessLogOnNewRequest: true, accessLogFlushInterval: durationFromMs(againMs) },
};
