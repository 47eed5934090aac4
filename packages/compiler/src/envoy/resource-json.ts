import {
  createRegistry,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { FilterConfigSchema as RouteFilterConfigSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { OpenTelemetryConfigSchema } from '@weft/envoy-api/envoy/config/trace/v3/opentelemetry';
import { ExpressionFilterSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/filters/cel/v3/cel';
import {
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
} from '@weft/envoy-api/envoy/extensions/access_loggers/grpc/v3/als';
import { StdoutAccessLogSchema } from '@weft/envoy-api/envoy/extensions/access_loggers/stream/v3/stream';
import { BufferPerRouteSchema, BufferSchema } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { CorsPolicySchema, CorsSchema } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import {
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
} from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { HTTPFaultSchema } from '@weft/envoy-api/envoy/extensions/filters/http/fault/v3/fault';
import { GrpcJsonTranscoderSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder';
import { FilterConfigSchema as GrpcStatsSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config';
import { GrpcWebSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_web/v3/grpc_web';
import { HeaderMutationSchema } from '@weft/envoy-api/envoy/extensions/filters/http/header_mutation/v3/header_mutation';
import { ConfigSchema as HeaderToMetadataSchema } from '@weft/envoy-api/envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata';
import { LocalRateLimitSchema } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { RBACPerRouteSchema, RBACSchema } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { OriginalDstSchema } from '@weft/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst';
import { TlsInspectorSchema } from '@weft/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { TcpProxySchema } from '@weft/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy';
import { HeaderMutationSchema as EarlyHeaderMutationSchema } from '@weft/envoy-api/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation';
import {
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  ServerNameInputSchema,
  TransportProtocolInputSchema,
} from '@weft/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs';
import { PreviousHostsPredicateSchema } from '@weft/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts';
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';
import { HttpProtocolOptionsSchema } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import { IPMatcherSchema } from '@weft/envoy-api/xds/type/matcher/v3/ip';
import { TypedStructSchema } from '@weft/envoy-api/xds/type/v3/typed_struct';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from './resource.ts';

// Secrets are not among them: their JSON would show private keys.
const schemas: Readonly<Partial<Record<TypeUrl, DescMessage>>> = {
  [typeUrls.cluster]: ClusterSchema,
  [typeUrls.endpoints]: ClusterLoadAssignmentSchema,
  [typeUrls.listener]: ListenerSchema,
  [typeUrls.route]: RouteConfigurationSchema,
};

const registry = createRegistry(
  DestinationIPInputSchema,
  DestinationPortInputSchema,
  IPMatcherSchema,
  OriginalDstSchema,
  ServerNameInputSchema,
  StringValueSchema,
  HttpGrpcAccessLogConfigSchema,
  TcpGrpcAccessLogConfigSchema,
  TcpProxySchema,
  TlsInspectorSchema,
  TransportProtocolInputSchema,
  BufferPerRouteSchema,
  BufferSchema,
  CorsPolicySchema,
  CorsSchema,
  DownstreamTlsContextSchema,
  ExtAuthzPerRouteSchema,
  ExtAuthzSchema,
  GrpcJsonTranscoderSchema,
  HTTPFaultSchema,
  GrpcStatsSchema,
  GrpcWebSchema,
  EarlyHeaderMutationSchema,
  HeaderMutationSchema,
  HeaderToMetadataSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  LocalRateLimitSchema,
  LuaSchema,
  OpenTelemetryConfigSchema,
  PreviousHostsPredicateSchema,
  RBACPerRouteSchema,
  RBACSchema,
  RouteFilterConfigSchema,
  RouterSchema,
  StdoutAccessLogSchema,
  TypedStructSchema,
  ExpressionFilterSchema,
  UpstreamTlsContextSchema,
);

/** A resource as the JSON that Envoy's own tools show and take; a secret only as its name. */
export function resourceJson(resource: Resource): JsonValue {
  const schema = schemas[resource.typeUrl];
  if (schema === undefined) return { name: resource.name };
  return toJson(schema, fromBinary(schema, resource.body), { registry });
}

/** A proxy's configuration: type URL to name to resource, both in order. */
export function snapshotJson(snapshot: Snapshot): JsonObject {
  const byType: JsonObject = {};
  for (const [typeUrl, resources] of [...snapshot].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const sorted = [...resources].sort(([a], [b]) => (a < b ? -1 : 1));
    byType[typeUrl] = Object.fromEntries(sorted.map(([name, resource]) => [name, resourceJson(resource)]));
  }
  return byType;
}
