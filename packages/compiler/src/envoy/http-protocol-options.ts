import type { MessageInitShape } from '@bufbuild/protobuf';
import { type Any, durationFromMs } from '@bufbuild/protobuf/wkt';
import type { Http2ProtocolOptionsSchema } from '@weft/envoy-api/envoy/config/core/v3/protocol';
import { HttpProtocolOptionsSchema } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import { http2ToCallee } from './connection-limits.ts';
import { typedConfig } from './typed-config.ts';

const key = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Cluster options: HTTP/2 by prior knowledge. */
export function http2Only(
  options: MessageInitShape<typeof Http2ProtocolOptionsSchema>,
  more: Omit<MessageInitShape<typeof HttpProtocolOptionsSchema>, '$typeName' | 'upstreamProtocolOptions'> = {},
): Record<string, Any> {
  return {
    [key]: typedConfig(HttpProtocolOptionsSchema, {
      ...more,
      upstreamProtocolOptions: {
        case: 'explicitHttpConfig',
        value: { protocolConfig: { case: 'http2ProtocolOptions', value: options } },
      },
    }),
  };
}

/** Cluster options between two proxies, which speak HTTP/2 whatever their applications speak. */
export const betweenProxies = http2Only({
  ...http2ToCallee,
  connectionKeepalive: { interval: durationFromMs(30_000), timeout: durationFromMs(5000) },
});

/** Cluster options: HTTP/2 by prior knowledge, to an application. */
export const http2 = http2Only(http2ToCallee);

/** Cluster options: HTTP/1.1. */
export const http1: Record<string, Any> = {
  [key]: typedConfig(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: 'explicitHttpConfig',
      value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } },
    },
  }),
};

/** Cluster options: what the caller of each call speaks. */
export const asCalled: Record<string, Any> = {
  [key]: typedConfig(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: 'useDownstreamProtocolConfig',
      value: { httpProtocolOptions: {}, http2ProtocolOptions: http2ToCallee },
    },
  }),
};
