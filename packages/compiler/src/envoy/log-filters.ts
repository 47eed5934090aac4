import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type AccessLogFilter,
  AccessLogFilterSchema,
  ComparisonFilter_Op as Op,
  type GrpcStatusFilter_Status as Status,
} from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import type { HeaderMatcherSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { ExpressionFilterSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel';
import { extension } from './typed-config.ts';

// Which calls an access logger takes. Both "and" and "or" stop at the first filter that decides, so what is cheap comes first.

/** Calls that all of these take. */
export function everyOf(...filters: readonly AccessLogFilter[]): AccessLogFilter {
  return make({ case: 'andFilter', value: { filters: [...filters] } });
}

/** Calls that any of these takes. */
export function anyOf(...filters: readonly AccessLogFilter[]): AccessLogFilter {
  return make({ case: 'orFilter', value: { filters: [...filters] } });
}

/** Calls whose gRPC status is one of these, or with `exclude` none of these. Without a status it follows from that of HTTP. */
export function grpcStatus(statuses: readonly Status[], exclude = false): AccessLogFilter {
  return make({ case: 'grpcStatusFilter', value: { exclude, statuses: [...statuses] } });
}

/** Calls with an HTTP status of at least this. */
export function httpStatusFrom(status: number): AccessLogFilter {
  const value = { defaultValue: status, runtimeKey: `weft.access_log.status_${status}` };
  return make({ case: 'statusCodeFilter', value: { comparison: { op: Op.GE, value } } });
}

/** Calls about which Envoy itself has something to say, such as a reset. */
export const flagged: AccessLogFilter = make({ case: 'responseFlagFilter', value: {} });

/** Calls that took at least so many whole milliseconds. Far cheaper than an expression. */
export function lastedFrom(ms: number): AccessLogFilter {
  const value = { defaultValue: ms, runtimeKey: `weft.access_log.from_${ms}_ms` };
  return make({ case: 'durationFilter', value: { comparison: { op: Op.GE, value } } });
}

/** Calls with such a request header, as it is when the call ends. */
export function requestHeader(header: MessageInitShape<typeof HeaderMatcherSchema>): AccessLogFilter {
  return make({ case: 'headerFilter', value: { header } });
}

/**
 * Calls by gRPC, whose status Envoy reads. To every other answer without an error Envoy gives the status UNKNOWN: plain HTTP has none,
 * and gRPC-Web has it in the body.
 */
export const isGrpc: AccessLogFilter = requestHeader({
  name: 'content-type',
  headerMatchSpecifier: {
    case: 'stringMatch',
    value: { matchPattern: { case: 'safeRegex', value: { regex: 'application/grpc([+;].*)?' } } },
  },
});

/** Calls for which a filter has left this text in its dynamic metadata. */
export function metadataText(filter: string, key: string, text: string): AccessLogFilter {
  return make({
    case: 'metadataFilter',
    value: {
      matcher: {
        filter,
        path: [{ segment: { case: 'key', value: key } }],
        value: { matchPattern: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value: text } } } },
      },
      matchIfKeyNotFound: false,
    },
  });
}

/** Calls for which an expression of CEL is true. One costs some microseconds a call. */
export function matching(expression: string): AccessLogFilter {
  return make({
    case: 'extensionFilter',
    value: extension('envoy.access_loggers.extension_filters.cel', ExpressionFilterSchema, { expression }),
  });
}

function make(
  filterSpecifier: NonNullable<MessageInitShape<typeof AccessLogFilterSchema>['filterSpecifier']>,
): AccessLogFilter {
  return create(AccessLogFilterSchema, { filterSpecifier });
}
