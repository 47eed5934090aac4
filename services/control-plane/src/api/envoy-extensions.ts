import { createRegistry } from '@bufbuild/protobuf';
import { file_envoy_config_trace_v3_opentelemetry as tracing } from '@weft/envoy-api/envoy/config/trace/v3/opentelemetry';
import { file_envoy_extensions_access_loggers_stream_v3_stream as stdout } from '@weft/envoy-api/envoy/extensions/access_loggers/stream/v3/stream';
import { file_envoy_extensions_filters_http_buffer_v3_buffer as buffer } from '@weft/envoy-api/envoy/extensions/filters/http/buffer/v3/buffer';
import { file_envoy_extensions_filters_http_cors_v3_cors as cors } from '@weft/envoy-api/envoy/extensions/filters/http/cors/v3/cors';
import { file_envoy_extensions_filters_http_ext_authz_v3_ext_authz as extAuthz } from '@weft/envoy-api/envoy/extensions/filters/http/ext_authz/v3/ext_authz';
import { file_envoy_extensions_filters_http_grpc_json_transcoder_v3_transcoder as transcoder } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_json_transcoder/v3/transcoder';
import { file_envoy_extensions_filters_http_grpc_stats_v3_config as grpcStats } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config';
import { file_envoy_extensions_filters_http_local_ratelimit_v3_local_rate_limit as rateLimit } from '@weft/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit';
import { file_envoy_extensions_filters_http_lua_v3_lua as lua } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { file_envoy_extensions_filters_http_rbac_v3_rbac as rbac } from '@weft/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac';
import { file_envoy_extensions_filters_http_router_v3_router as router } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { file_envoy_extensions_filters_http_upstream_codec_v3_upstream_codec as codec } from '@weft/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec';
import { file_envoy_extensions_filters_network_http_connection_manager_v3_http_connection_manager as http } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { file_envoy_extensions_http_early_header_mutation_header_mutation_v3_header_mutation as headers } from '@weft/envoy-api/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation';
import { file_envoy_extensions_retry_host_previous_hosts_v3_previous_hosts as previousHosts } from '@weft/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts';
import { file_envoy_extensions_transport_sockets_tls_v3_tls as tls } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';
import { file_envoy_extensions_upstreams_http_v3_http_protocol_options as upstreamHttp } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';

/** Every extension of Envoy that the back end configures, so that its configuration can be shown. */
export const envoyExtensions = createRegistry(
  stdout,
  buffer,
  cors,
  extAuthz,
  transcoder,
  grpcStats,
  rateLimit,
  lua,
  rbac,
  router,
  codec,
  http,
  tracing,
  headers,
  previousHosts,
  tls,
  upstreamHttp,
);
