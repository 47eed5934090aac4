import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { create, toBinary } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Any, anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { HeaderMutationSchema as HeaderMutationActionSchema } from '@weft/envoy-api/envoy/config/common/mutation_rules/v3/mutation_rules';
import { ApiVersion } from '@weft/envoy-api/envoy/config/core/v3/config_source';
import { RBACSchema as RulesSchema } from '@weft/envoy-api/envoy/config/rbac/v3/rbac';
import { FilterConfigSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { BufferSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsSchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import { ExtAuthzSchema } from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { HTTPFaultSchema } from '@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault';
import { GrpcJsonTranscoderSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder';
import { FilterConfigSchema as GrpcStatsSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config';
import { GrpcWebSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_web/v3/grpc_web';
import {
  HeaderMutationSchema,
  MutationsSchema,
} from '@weft/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation';
import { LocalRateLimitSchema } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { RBACSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import { StatusCode } from '@weft/envoy-api/envoy/type/v3/http_status';
import { controlPlaneCluster, filters, meshHeaderPrefix } from './names.ts';
import { typedConfig } from './typed-config.ts';

// The filters of a listener never change with a contract. Those marked `disabled` run only on routes that turn them on.

function filter<Desc extends DescMessage>(name: string, schema: Desc, init: MessageInitShape<Desc>, disabled: boolean) {
  return { name, disabled, configType: { case: 'typedConfig' as const, value: typedConfig(schema, init) } };
}

/** Turns a filter on for a route, with the listener's own settings. */
export const enabled: Any = anyPack(FilterConfigSchema, create(FilterConfigSchema, { config: { typeUrl: '' } }));

/** Turns a filter off for a route. */
export const turnedOff: Any = anyPack(FilterConfigSchema, create(FilterConfigSchema, { disabled: true }));

/**
 * Counts calls by method, and how long each took: where calls enter the mesh and where they are answered. The sidecar of a caller counts
 * them by callee, as its clusters do anyway. Every route of a contract turns it on, so that the contracts bound its counters.
 */
export const grpcStats = filter(
  filters.grpcStats,
  GrpcStatsSchema,
  { perMethodStatSpecifier: { case: 'statsForAllMethods', value: { value: true } }, enableUpstreamStats: true },
  true,
);

/** Refuses everybody on routes that do not name callers. */
export const denyByDefault = filter(filters.rbac, RBACSchema, { rules: create(RulesSchema, {}) }, false);

/** Fails calls that ask for it, on routes of tests. */
export const fault = filter(filters.fault, HTTPFaultSchema, {}, true);

/** Limits calls on routes that say so. */
export const localRateLimit = filter(filters.localRateLimit, LocalRateLimitSchema, { statPrefix: 'rate_limit' }, true);

/**
 * Asks the control plane about a call without a route: for the words of a refusal, or to be told of the callee first. While it is away the
 * answer is 403 without words.
 */
export const refusal = filter(
  filters.extAuthz,
  ExtAuthzSchema,
  {
    services: {
      case: 'grpcService',
      value: {
        targetSpecifier: { case: 'envoyGrpc', value: { clusterName: controlPlaneCluster } },
        timeout: durationFromMs(3000),
      },
    },
    transportApiVersion: ApiVersion.V3,
    statusOnError: { code: StatusCode.Forbidden },
    statPrefix: 'refusal',
  },
  true,
);

/**
 * Refuses requests with too many or too large headers, with an answer: the codec's own limit only resets an HTTP/2 stream, which
 * gRPC callers see as INTERNAL.
 */
export function headerLimits(maxHeaders: number, maxHeaderBytes: number) {
  const script = `function envoy_on_request(handle)
  local count, bytes = 0, 0
  for name, value in pairs(handle:headers()) do
    count = count + 1
    bytes = bytes + #name + #value
  end
  if count > ${maxHeaders} then
    handle:respond({[":status"] = "431"}, "weft: " .. count .. " headers; at most ${maxHeaders} may be sent")
  elseif bytes > ${maxHeaderBytes} then
    handle:respond({[":status"] = "431"}, "weft: headers of " .. bytes .. " bytes; at most ${maxHeaderBytes} may be sent")
  end
end
`;
  return filter(
    filters.lua,
    LuaSchema,
    { defaultSourceCode: { specifier: { case: 'inlineString', value: script } } },
    false,
  );
}

/** response_trailers_mutations of HeaderMutation.Mutations: Envoy has it, the protos that are published for npm do not. */
const responseTrailersMutations = 4;

const removesMeshHeaders = create(HeaderMutationActionSchema, {
  action: {
    case: 'removeOnMatch',
    value: { keyMatcher: { matchPattern: { case: 'prefix', value: meshHeaderPrefix } } },
  },
});

const meshHeaderMutations = create(MutationsSchema, { responseMutations: [removesMeshHeaders] });
meshHeaderMutations.$unknown = [
  {
    no: responseTrailersMutations,
    wireType: WireType.LengthDelimited,
    data: new BinaryWriter().bytes(toBinary(HeaderMutationActionSchema, removesMeshHeaders)).finish(),
  },
];

/** Takes what sidecars and applications say to each other out of the headers and trailers of every answer. */
export const withoutMeshHeaders = filter(
  filters.meshHeaders,
  HeaderMutationSchema,
  { mutations: meshHeaderMutations },
  false,
);

/** Answers browsers by the policy of the virtual host. */
export const cors = filter(filters.cors, CorsSchema, {}, false);

/**
 * Refuses HEAD of REST, to which the transcoder would answer with a body, and bodies of REST that are not declared as JSON, on routes that turn it on: with 415, before anything is read of them. A web page
 * may send text/plain, forms and bodies without any type to every host that its user reaches, without asking; JSON it may not. A
 * request without a body passes whatever it declares. gRPC passes, since it has other answers.
 */
export const declaredContent = filter(
  filters.declaredContent,
  LuaSchema,
  {
    defaultSourceCode: {
      specifier: {
        case: 'inlineString',
        value: `function envoy_on_request(handle)
  local headers = handle:headers()
  if headers:get(":method") == "HEAD" then
    handle:respond({[":status"] = "405"}, "weft: no method of REST takes HEAD")
    return
  end
  local declared = headers:get("content-type") or ""
  local media = declared:lower():match("^%s*([^;]-)%s*$") or declared:lower():match("^%s*([^;]-)%s*;")
  if media == "application/json" or (media or ""):find("^application/grpc") then return end
  local length = headers:get("content-length")
  if length == "0" then return end
  if length == nil and headers:get("transfer-encoding") == nil then
    -- HTTP/2 says only at its end whether there is one.
    local body = handle:body()
    if body == nil or body:length() == 0 then return end
  end
  handle:respond({[":status"] = "415"}, "weft: the body must be declared as application/json")
end
`,
      },
    },
  },
  true,
);

/** Holds unary requests until they are whole, up to the route's limit. */
export const buffer = filter(filters.buffer, BufferSchema, { maxRequestBytes: 1 }, true);

/**
 * Makes gRPC of gRPC-Web and back, the proxy's own errors among it, so that no application has to know gRPC-Web. Its JSON passes as it
 * is, for applications of the service kit.
 */
export const grpcWeb = [
  // Envoy keeps the HTTP status of its own errors, by which browsers' clients go, and reads gRPC's from it: UNAVAILABLE for 504.
  filter(
    filters.grpcWebStatus,
    LuaSchema,
    {
      defaultSourceCode: {
        specifier: {
          case: 'inlineString',
          value: `local codes = {["400"] = "3", ["408"] = "4", ["413"] = "8", ["415"] = "3", ["429"] = "8", ["431"] = "8", ["504"] = "4"}

function envoy_on_response(handle)
  local headers = handle:headers()
  local status = headers:get(":status")
  if status == "200" or headers:get("grpc-status") == nil then return end
  if not (headers:get("content-type") or ""):find("^application/grpc%-web") then return end
  if codes[status] then headers:replace("grpc-status", codes[status]) end
  headers:replace(":status", "200")
end
`,
        },
      },
    },
    false,
  ),
  filter(filters.grpcWeb, GrpcWebSchema, {}, false),
];

/** Turns REST into gRPC on routes that say how. */
export const transcoder = filter(
  filters.transcoder,
  GrpcJsonTranscoderSchema,
  { descriptorSet: { case: 'protoDescriptorBin', value: new Uint8Array() } },
  true,
);

/** The largest answer that a sidecar holds back until it is whole: what gRPC clients take by default is less. */
export const maxWholeAnswerBytes = 5 << 20;

/**
 * Lets nothing of an answer pass before all of it is there. A process that is killed while it writes one leaves an answer without
 * its end, which a caller's sidecar cannot try again once its beginning has passed. For unary methods that may be repeated.
 */
export const wholeAnswers = filter(
  filters.wholeAnswers,
  LuaSchema,
  {
    defaultSourceCode: {
      specifier: { case: 'inlineString', value: 'function envoy_on_response(handle) handle:body() end' },
    },
  },
  true,
);

const tearBroken = `function envoy_on_request(handle)
  local headers = handle:headers()
  if handle:metadata():get("stream") and headers:get("content-type") == "application/grpc" then
    headers:replace("content-type", "application/grpc-web+proto")
  end
end

function envoy_on_response(handle)
  local headers = handle:headers()
  if headers:get("content-type") ~= "application/grpc-web+proto" then return end
  headers:replace("content-type", "application/grpc")
  for chunk in handle:bodyChunks() do
    if chunk:length() >= 5 then
      local kind, a, b, c, d = chunk:getBytes(0, 5):byte(1, 5)
      local length = ((a * 256 + b) * 256 + c) * 256 + d
      if kind == 128 and length == chunk:length() - 5 then
        local status = ("\\r\\n" .. chunk:getBytes(5, length)):match("\\r\\ngrpc%-status: *(%d+)")
        if status == "0" then chunk:setBytes("") end
      end
    end
  end
end
`;

/**
 * Three filters behind the transcoder that together tear a stream of answers by REST which ends with an error: HTTP/1.1 and JSON have
 * no place for the status that gRPC writes after the last message, so the transcoder drops it, and half an answer would look whole.
 *
 * Envoy's gRPC-Web filter turns that status into a last frame of the body. The script takes the frame away when all went well. When
 * not, the transcoder finds a frame that it does not know, and resets the answer.
 */
export const brokenAnswers = [
  filter(
    filters.brokenAnswers,
    LuaSchema,
    { defaultSourceCode: { specifier: { case: 'inlineString', value: tearBroken } } },
    true,
  ),
  filter(filters.endInBody, GrpcWebSchema, {}, true),
  // gRPC-Web's filter offers compressed messages, which the transcoder cannot read.
  filter(
    filters.plainAnswers,
    HeaderMutationSchema,
    { mutations: { requestMutations: [{ action: { case: 'remove', value: 'grpc-accept-encoding' } }] } },
    true,
  ),
];
