import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type AccessLogFilter, AccessLogFilterSchema } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import type { ResponseMapperSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { deliveredHeader, metadataNamespace } from './names.ts';

/** How Envoy words an answer of its own. The first mapper whose filter matches counts. */
export type ReplyMapper = MessageInitShape<typeof ResponseMapperSchema>;

// gRPC status codes, as Envoy takes them in a header.
const deadlineExceeded = '4';
const resourceExhausted = '8';

/** gRPC, but neither gRPC-Web nor Connect, which carry Envoy's HTTP status on. */
const isGrpc = create(AccessLogFilterSchema, {
  filterSpecifier: {
    case: 'headerFilter',
    value: {
      header: {
        name: 'content-type',
        headerMatchSpecifier: {
          case: 'stringMatch',
          value: { matchPattern: { case: 'safeRegex', value: { regex: 'application/grpc([+;].*)?' } } },
        },
      },
    },
  },
});

function flagged(...flags: string[]): AccessLogFilter {
  return create(AccessLogFilterSchema, { filterSpecifier: { case: 'responseFlagFilter', value: { flags } } });
}

function answered(status: number): AccessLogFilter {
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'statusCodeFilter',
      value: { comparison: { value: { defaultValue: status, runtimeKey: `weft.local_reply.${status}` } } },
    },
  });
}

function both(...filters: AccessLogFilter[]): AccessLogFilter {
  return create(AccessLogFilterSchema, { filterSpecifier: { case: 'andFilter', value: { filters } } });
}

const header = (key: string, value: string) => ({ header: { key, value } });
const text = (format: string) => ({
  bodyFormatOverride: {
    format: {
      case: 'textFormatSource' as const,
      value: { specifier: { case: 'inlineString' as const, value: format } },
    },
  },
});

/** Metadata of inbound routes that the refusal's sentence is made of. */
export const refusalKey = 'refusal';
/** Metadata of outbound routes: the callee's name. */
export const calleeKey = 'callee';

/** What every listener needs: codes that callers can act on. */
const common: readonly ReplyMapper[] = [
  // A stream on which nothing has moved.
  { filter: both(isGrpc, flagged('SI')), headersToAdd: [header('grpc-status', deadlineExceeded)] },
];

/** The answers of a sidecar in its application's stead. */
export const inboundReplies: readonly ReplyMapper[] = [
  {
    filter: answered(403),
    ...text(`weft: %DOWNSTREAM_PEER_URI_SAN% may not call %METADATA(ROUTE:${metadataNamespace}:${refusalKey})%`),
  },
  { filter: flagged('UF'), headersToAdd: [header(deliveredHeader, 'never')] },
  {
    filter: flagged('UO'),
    statusCode: 429,
    headersToAdd: [header('grpc-status', resourceExhausted)],
    ...text('weft: the replica works on as many requests as its contract allows'),
  },
  ...common,
];

/** The answers of a sidecar to its own application. */
export const outboundReplies: readonly ReplyMapper[] = [
  {
    filter: flagged('UH'),
    ...text(`weft: %METADATA(ROUTE:${metadataNamespace}:${calleeKey})% has no replica that takes calls`),
  },
  ...common,
];

// What Connect calls the conditions; REST clients get the same words.
const connectCodes: readonly (readonly [number, string])[] = [
  [400, 'invalid_argument'],
  [403, 'permission_denied'],
  [404, 'unimplemented'],
  [408, 'deadline_exceeded'],
  [413, 'resource_exhausted'],
  [429, 'resource_exhausted'],
  [431, 'resource_exhausted'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [504, 'deadline_exceeded'],
];

/** The answers of a gateway: gRPC codes for gRPC, a JSON body in Connect's form for everybody else. */
export const gatewayReplies: readonly ReplyMapper[] = [
  ...[413, 429, 431].map((status) => ({
    filter: both(isGrpc, answered(status)),
    headersToAdd: [header('grpc-status', resourceExhausted)],
  })),
  ...outboundReplies.map((mapper) => ({
    ...mapper,
    filter: both(isGrpc, ...(mapper.filter ? [mapper.filter as AccessLogFilter] : [])),
  })),
  { filter: isGrpc },
  ...connectCodes.map(([status, code]) => ({
    filter: answered(status),
    bodyFormatOverride: {
      format: { case: 'jsonFormat' as const, value: { code, message: '%LOCAL_REPLY_BODY%' } },
      contentType: 'application/json',
    },
  })),
];
