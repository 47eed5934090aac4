import type { AccessLog } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { stdoutLog } from './stdout-log.ts';
import { traceIdFormat } from './trace-id.ts';

/** Where a listener's calls go, for its access log. */
export type LoggedDirection = 'inbound' | 'outbound' | 'gateway';

function makeLog(direction: LoggedDirection): AccessLog {
  return stdoutLog({
    log: 'access',
    direction,
    caller: '%DOWNSTREAM_PEER_URI_SAN%',
    verb: '%REQ(:METHOD)%',
    authority: '%REQ(:AUTHORITY)%',
    path: '%PATH(NQ)%',
    method: '%ROUTE_NAME%',
    protocol: '%PROTOCOL%',
    status: '%RESPONSE_CODE%',
    grpc_status: '%GRPC_STATUS(SNAKE_STRING)%',
    details: '%RESPONSE_CODE_DETAILS%',
    flags: '%RESPONSE_FLAGS%',
    // "denied": the shadow of a contract would have refused it.
    shadow: '%DYNAMIC_METADATA(envoy.filters.http.rbac:shadow_engine_result)%',
    duration_ms: '%DURATION%',
    bytes_received: '%BYTES_RECEIVED%',
    bytes_sent: '%BYTES_SENT%',
    upstream: '%UPSTREAM_HOST%',
    cluster: '%UPSTREAM_CLUSTER%',
    attempts: '%UPSTREAM_REQUEST_ATTEMPT_COUNT%',
    trace_id: traceIdFormat,
  });
}

const logs = { inbound: makeLog('inbound'), outbound: makeLog('outbound'), gateway: makeLog('gateway') };

/** One JSON line a call on stdout. Paths are without their query, which may hold what a contract calls sensitive. */
export function accessLog(direction: LoggedDirection): AccessLog {
  return logs[direction];
}
