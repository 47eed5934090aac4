import { create } from '@bufbuild/protobuf';
import {
  type AccessLog,
  AccessLogSchema,
  GrpcStatusFilter_Status as Status,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import type { AccessLogLevel } from '../model/access-log.ts';
import type { Method } from '../model/method.ts';
import {
  anyOf,
  everyOf,
  flagged,
  grpcStatus,
  httpStatusFrom,
  isGrpc,
  lastedFrom,
  matching,
  metadataText,
  requestHeader,
} from './log-filters.ts';
import { filters, metadataNamespace } from './names.ts';
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

/** Metadata of a method's routes: after how long a call is slow, as "0.25s". */
export const slowKey = 'slow';

/** No call is slow that takes less, whatever its method promises, so that fast calls cost no expression. */
const neverSlowMs = 10;

/** Metadata of a method's routes; nothing for a method that says nothing of its time. */
export function slowMetadata({ objective, deadlineMs }: Pick<Method, 'objective' | 'deadlineMs'>) {
  const slowMs = objective?.withinMs ?? (deadlineMs === undefined ? undefined : deadlineMs / 2);
  return slowMs === undefined ? {} : { [slowKey]: `${slowMs / 1000}s` };
}

/** Calls that the shadow of a contract would have refused. */
export const shadowDenied = metadataText(filters.rbac, 'shadow_engine_result', 'denied');

const failed = [httpStatusFrom(400), flagged, everyOf(isGrpc, grpcStatus([Status.OK], true)), shadowDenied];

const slow = everyOf(
  lastedFrom(neverSlowMs),
  matching(`request.duration > duration(xds.route_metadata.filter_metadata['${metadataNamespace}']['${slowKey}'])`),
);

/** By the trace context that the call goes on with, whoever has decided: the application, a caller or this proxy. */
const sampled = requestHeader({
  name: 'traceparent',
  headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'suffix', value: '-01' } } },
});

const taken = { errors: anyOf(...failed, slow), sampled: anyOf(...failed, sampled, slow) };

/**
 * One JSON line a call on stdout, for those calls that the level takes. Paths are without their query, which may hold what a contract
 * calls sensitive.
 */
export function accessLog(direction: LoggedDirection, level: AccessLogLevel): readonly AccessLog[] {
  if (level === 'off') return [];
  return level === 'all' ? [logs[direction]] : [create(AccessLogSchema, { ...logs[direction], filter: taken[level] })];
}
