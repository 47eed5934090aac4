import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import type { Http2ProtocolOptionsSchema } from '@weft/envoy-api/envoy/config/core/v3/protocol';
import { HttpProtocolOptionsSchema } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';
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

/** Cluster options: HTTP/1.1. */
export function http1Only(): Record<string, Any> {
  return {
    [key]: typedConfig(HttpProtocolOptionsSchema, {
      upstreamProtocolOptions: {
        case: 'explicitHttpConfig',
        value: { protocolConfig: { case: 'httpProtocolOptions', value: {} } },
      },
    }),
  };
}
