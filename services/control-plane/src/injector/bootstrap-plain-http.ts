import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { address } from '@weft/compiler/envoy/address';
import { filters } from '@weft/compiler/envoy/names';
import { extension } from '@weft/compiler/envoy/typed-config';
import { type Listener, ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { HeaderMatcherSchema, RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManagerSchema,
  type HttpFilterSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { podIp } from './bootstrap-variables.ts';

/** One plaintext listener on the pod's address. */
export interface PlainListener {
  readonly name: string;
  readonly port: number;
  readonly codec: 'http1' | 'http2';
  /** Before the router. */
  readonly filters?: readonly MessageInitShape<typeof HttpFilterSchema>[];
  /** All that is served; anything else is 404. */
  readonly routes: readonly MessageInitShape<typeof RouteSchema>[];
}

/** A listener that needs no control plane. It is on the pod's address only: loopback belongs to the application. */
export function plainListener(listener: PlainListener): Listener {
  return create(ListenerSchema, {
    name: listener.name,
    address: address({ host: podIp, port: listener.port }),
    // A proxy that is full is still asked whether it lives.
    ignoreGlobalConnLimit: true,
    bypassOverloadManager: true,
    filterChains: [
      {
        filters: [
          extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
            statPrefix: listener.name,
            codecType: listener.codec === 'http1' ? CodecType.HTTP1 : CodecType.HTTP2,
            routeSpecifier: {
              case: 'routeConfig',
              value: {
                name: listener.name,
                virtualHosts: [{ name: listener.name, domains: ['*'], routes: [...listener.routes] }],
              },
            },
            httpFilters: [
              ...(listener.filters ?? []),
              extension(filters.router, RouterSchema, { suppressEnvoyHeaders: true }),
            ],
            // The application sees the request as the kubelet wrote it, and the kubelet its answer.
            generateRequestId: false,
            skipXffAppend: true,
            serverHeaderTransformation: ServerHeader.PASS_THROUGH,
            requestHeadersTimeout: durationFromMs(10_000),
            commonHttpProtocolOptions: { idleTimeout: durationFromMs(60_000) },
          }),
        ],
      },
    ],
  });
}

/** Matches a method and a whole path without a query; headers, if any, by their exact values. */
export function exactly(method: 'GET' | 'POST', path: string, headers: Readonly<Record<string, string>> = {}) {
  return withQuery(method, path, { ':path': path, ...headers });
}

/** Matches a method and a path with any query. */
export function withQuery(method: 'GET' | 'POST', path: string, headers: Readonly<Record<string, string>> = {}) {
  return {
    pathSpecifier: { case: 'path' as const, value: path },
    headers: Object.entries({ ':method': method, ...headers }).map(([name, value]) => exactHeader(name, value)),
  };
}

/** Matches a header by its exact value. */
export function exactHeader(name: string, value: string): MessageInitShape<typeof HeaderMatcherSchema> {
  return {
    name,
    headerMatchSpecifier: { case: 'stringMatch', value: { matchPattern: { case: 'exact', value } } },
  };
}
