import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { AccessLog } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { type Filter, FilterSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import {
  type TcpProxy_TcpAccessLogOptionsSchema,
  TcpProxySchema,
} from '@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { stdoutLog } from './stdout-log.ts';
import { extension } from './typed-config.ts';

/** Where a connection is passed on to, byte by byte. */
export interface TcpTarget {
  /** One that does not exist closes the connection. */
  readonly cluster: string;
  /** Under which it is counted, as `tcp.<name>.*`. */
  readonly countedAs: string;
  readonly direction: 'inbound' | 'outbound';
  /** Milliseconds; absent: as long as the two want it. */
  readonly maxDurationMs?: number;
  /** Who is told of it, and when. Default: a line on stdout at its end. */
  readonly told?: {
    readonly logs: readonly AccessLog[];
    readonly options: MessageInitShape<typeof TcpProxy_TcpAccessLogOptionsSchema>;
  };
}

/** The network filter that passes a connection on. It ends when one of the two ends it, however long it was silent. */
export function tcpProxy({ cluster, countedAs, direction, maxDurationMs, told }: TcpTarget): Filter {
  const init: MessageInitShape<typeof TcpProxySchema> = {
    statPrefix: countedAs,
    clusterSpecifier: { case: 'cluster', value: cluster },
    idleTimeout: durationFromMs(0),
    accessLog: told ? [...told.logs] : [connectionLog(direction)],
    ...(told ? { accessLogOptions: told.options } : {}),
    ...(maxDurationMs === undefined ? {} : { maxDownstreamConnectionDuration: durationFromMs(maxDurationMs) }),
  };
  return create(FilterSchema, extension('envoy.filters.network.tcp_proxy', TcpProxySchema, init));
}

/** One JSON line a connection on stdout, when it ends. */
export function connectionLog(direction: 'inbound' | 'outbound'): AccessLog {
  return logs[direction];
}

const logs = { inbound: makeLog('inbound'), outbound: makeLog('outbound') };

function makeLog(direction: 'inbound' | 'outbound'): AccessLog {
  return stdoutLog({
    log: 'connection',
    direction,
    caller: '%DOWNSTREAM_PEER_URI_SAN%',
    source: '%DOWNSTREAM_REMOTE_ADDRESS%',
    destination: '%DOWNSTREAM_LOCAL_ADDRESS%',
    host: '%REQUESTED_SERVER_NAME%',
    chain: '%FILTER_CHAIN_NAME%',
    flags: '%RESPONSE_FLAGS%',
    details: '%CONNECTION_TERMINATION_DETAILS%',
    tls_failure: '%DOWNSTREAM_TRANSPORT_FAILURE_REASON%',
    duration_ms: '%DURATION%',
    bytes_received: '%BYTES_RECEIVED%',
    bytes_sent: '%BYTES_SENT%',
    upstream: '%UPSTREAM_HOST%',
    upstream_failure: '%UPSTREAM_TRANSPORT_FAILURE_REASON%',
    cluster: '%UPSTREAM_CLUSTER%',
  });
}
