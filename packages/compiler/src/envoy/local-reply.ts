import { create, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf';
import { type AccessLogFilter, AccessLogFilterSchema } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import {
  type LocalReplyConfig,
  LocalReplyConfigSchema,
  type ResponseMapper,
  type ResponseMapperSchema,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { deliveredHeader, metadataNamespace } from './names.ts';
import { deadlineOutcome, ownOutcome } from './outcome.ts';
import { namesTrace } from './trace-id.ts';

/** How Envoy words an answer of its own. The first mapper whose filter matches counts. */
type ReplyMapper = Omit<Exclude<MessageInitShape<typeof ResponseMapperSchema>, ResponseMapper>, '$typeName'>;

// gRPC status codes, as Envoy takes them in a header.
const deadlineExceeded = '4';
const resourceExhausted = '8';

type StringPattern = { readonly regex: string } | 'present';

function withHeader(name: string, pattern: StringPattern, invertMatch = false): AccessLogFilter {
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'headerFilter',
      value: {
        header: {
          name,
          invertMatch,
          headerMatchSpecifier:
            pattern === 'present'
              ? { case: 'presentMatch', value: true }
              : { case: 'stringMatch', value: { matchPattern: { case: 'safeRegex', value: pattern } } },
        },
      },
    },
  });
}

/** The transcoder has made gRPC out of this request, but its caller speaks REST. */
const originalPath = 'x-envoy-original-path';
const isRest = withHeader(originalPath, 'present');
/** gRPC, but neither gRPC-Web nor Connect, which carry Envoy's HTTP status on. */
const isGrpc = both(
  withHeader('content-type', { regex: 'application/grpc([+;].*)?' }),
  withHeader(originalPath, 'present', true),
);
/** gRPC-Web and Connect call methods by their own path; whatever else is there is REST. */
const callsMethod = withHeader(':path', { regex: '/([A-Za-z0-9_]+\\.)+[A-Za-z0-9_]+/[A-Za-z0-9_]+(\\?.*)?' });

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
/** Metadata of routes: the callee's name. */
export const calleeKey = 'callee';
const callee = `%METADATA(ROUTE:${metadataNamespace}:${calleeKey})%`;
/** Words for a deadline that has passed. */
const tooLate = `weft: ${callee} did not answer within the deadline`;
const noReplica = `weft: ${callee} has no replica that takes calls`;
const unreachable = `weft: ${callee} cannot be reached: %LOCAL_REPLY_BODY%`;

/** The answers of a sidecar in its application's stead. */
export const inboundReplies: LocalReplyConfig = replies([
  {
    filter: answered(403),
    ...text(`weft: %DOWNSTREAM_PEER_URI_SAN% may not call %METADATA(ROUTE:${metadataNamespace}:${refusalKey})%`),
  },
  { filter: flagged('UF'), headersToAdd: [header(deliveredHeader, 'never')] },
  {
    filter: flagged('UO'),
    statusCode: 429,
    headersToAdd: [header('grpc-status', resourceExhausted), ownOutcome(429)],
    ...text("weft: the replica is at its contract's limit of concurrent requests"),
  },
  // Above a caller's rate.
  { filter: answered(429), headersToAdd: [ownOutcome(429)] },
  // A test asked for it; its route says how it ends.
  { filter: flagged('FI') },
  { filter: flagged('SI'), headersToAdd: [header('grpc-status', deadlineExceeded), deadlineOutcome] },
  // The application has torn its connection or reset the call.
  { filter: answered(503), headersToAdd: [ownOutcome(503)] },
  // Whichever of the two sidecars notices first, the words are the same.
  ...[408, 504].map((status) => ({ filter: answered(status), headersToAdd: [deadlineOutcome], ...text(tooLate) })),
]);

/** The answers of a sidecar to its own application. */
export const outboundReplies: LocalReplyConfig = replies([
  { filter: flagged('UH'), ...text(noReplica) },
  { filter: flagged('UF'), ...text(unreachable) },
  // A stream on which nothing has moved.
  { filter: flagged('SI'), headersToAdd: [header('grpc-status', deadlineExceeded)] },
  ...[408, 504].map((status) => ({ filter: answered(status), ...text(tooLate) })),
]);

/** HTTP status, the condition's name in Connect, its number in gRPC. */
const conditions: readonly (readonly [number, string, number])[] = [
  [400, 'invalid_argument', 3],
  [403, 'permission_denied', 7],
  [404, 'unimplemented', 12],
  [405, 'unimplemented', 12],
  [408, 'deadline_exceeded', 4],
  [413, 'resource_exhausted', 8],
  [415, 'invalid_argument', 3],
  [429, 'resource_exhausted', 8],
  [431, 'resource_exhausted', 8],
  [502, 'unavailable', 14],
  [503, 'unavailable', 14],
  [504, 'deadline_exceeded', 4],
];

/** The answers of a gateway: gRPC codes for gRPC, Connect's JSON for Connect, google.rpc.Status as JSON for REST. */
export const gatewayReplies: LocalReplyConfig = replies([
  ...[413, 429, 431].map((status) => ({
    filter: both(isGrpc, answered(status)),
    headersToAdd: [header('grpc-status', resourceExhausted)],
  })),
  { filter: both(isGrpc, flagged('UH')), ...text(noReplica) },
  { filter: both(isGrpc, flagged('UF')), ...text(unreachable) },
  { filter: both(isGrpc, flagged('SI')), headersToAdd: [header('grpc-status', deadlineExceeded)] },
  ...[408, 504].map((status) => ({
    filter: both(isGrpc, answered(status)),
    headersToAdd: [header('grpc-status', deadlineExceeded)],
    ...text(tooLate),
  })),
  { filter: isGrpc },
  ...worded(noReplica, [503], flagged('UH')),
  ...worded(unreachable, [503], flagged('UF')),
  // Only calls of methods: another request may have lasted too long before it had a route, and so a callee.
  { filter: both(isRest, answered(504)), ...json({ code: 4, message: tooLate }) },
  { filter: both(callsMethod, answered(504)), ...json({ code: 'deadline_exceeded', message: tooLate }) },
  ...worded(
    '%LOCAL_REPLY_BODY%',
    conditions.map(([status]) => status),
  ),
]);

/** Answers with these statuses, and this flag if there is one, to those who do not call by gRPC. */
function worded(message: string, statuses: readonly number[], flag?: AccessLogFilter): ReplyMapper[] {
  return conditions
    .filter(([status]) => statuses.includes(status))
    .flatMap(([status, name, code]) => {
      const isThis = flag === undefined ? answered(status) : both(answered(status), flag);
      return [
        { filter: both(isRest, isThis), ...json({ code, message }) },
        { filter: both(callsMethod, isThis), ...json({ code: name, message }) },
        // Not a method's path: nothing there in the eyes of REST.
        { filter: isThis, ...json({ code: status === 404 ? 5 : code, message }) },
      ];
    });
}

function json(value: JsonObject) {
  return {
    bodyFormatOverride: { format: { case: 'jsonFormat' as const, value }, contentType: 'application/json' },
  };
}

/** Every answer names its trace, those that no mapper words among them. */
function replies(mappers: readonly ReplyMapper[]): LocalReplyConfig {
  const rest: ReplyMapper = { filter: withHeader(':method', 'present') };
  return create(LocalReplyConfigSchema, {
    mappers: [...mappers, rest].map((mapper) => ({
      ...mapper,
      headersToAdd: [...(mapper.headersToAdd ?? []), namesTrace],
    })),
  });
}
