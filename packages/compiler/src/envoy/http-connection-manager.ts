import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { AccessLog } from '@weft/envoy-api/envoy/config/accesslog/v3/accesslog';
import { HeaderValueOption_HeaderAppendAction as HeaderAppendAction } from '@weft/envoy-api/envoy/config/core/v3/base';
import { type Filter, FilterSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import {
  HttpConnectionManager_PathWithEscapedSlashesAction as EscapedSlashes,
  HttpConnectionManagerSchema,
  type HttpFilterSchema,
  type LocalReplyConfig,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { HeaderMutationSchema } from '@weft/envoy-api/envoy/extensions/http/early_header_mutation/header_mutation/v3/header_mutation';
import type { AccessLogLevel } from '../model/access-log.ts';
import type { TracingSettings } from '../model/mesh.ts';
import { accessLog } from './access-log.ts';
import { fromControlPlane } from './config-source.ts';
import { http2WithinMesh, sidecarCodecHeaders } from './connection-limits.ts';
import { againHeader, calledPortHeader, callerHeader, filters, meshHeaderPrefix } from './names.ts';
import { traceIdFilters } from './trace-id.ts';
import { tracing } from './tracing.ts';
import { extension, typedConfig } from './typed-config.ts';

/** What one listener's HTTP connection manager is made of. */
export interface HttpListener {
  readonly direction: 'inbound' | 'outbound' | 'gateway';
  /** The route configuration that the control plane gives it. */
  readonly routes: string;
  /** The name under which its spans appear. */
  readonly serviceName: string;
  readonly tracing?: TracingSettings;
  /** Which of its calls get a line. */
  readonly accessLog: AccessLogLevel;
  /** Its connections are redirected: the port that each was made to counts. Default: false. */
  readonly notesPort?: boolean;
  /** Before the router, in this order. */
  readonly filters: readonly MessageInitShape<typeof HttpFilterSchema>[];
  readonly replies: LocalReplyConfig;
  /** What is counted of its calls, besides the filters' own counters. */
  readonly counters?: readonly AccessLog[];
  readonly more: Omit<MessageInitShape<typeof HttpConnectionManagerSchema>, '$typeName'>;
}

/** The network filter that speaks HTTP, with what all listeners have alike. */
export function httpConnectionManager(listener: HttpListener): Filter {
  return create(
    FilterSchema,
    extension('envoy.filters.network.http_connection_manager', HttpConnectionManagerSchema, {
      statPrefix: listener.routes.replace(/[^a-zA-Z0-9]+/g, '_'),
      routeSpecifier: {
        case: 'rds',
        value: { routeConfigName: listener.routes, configSource: fromControlPlane },
      },
      httpFilters: [...traceIdFilters(listener.tracing !== undefined), ...listener.filters, router],
      // Otherwise a request could ask Envoy for retries and timeouts that its contract does not allow.
      earlyHeaderMutationExtensions: [dropped[listener.direction], ...(listener.notesPort ? [notedPort] : [])],
      accessLog: [...accessLog(listener.direction, listener.accessLog), ...(listener.counters ?? [])],
      localReplyConfig: listener.replies,
      ...oneMeaning,
      http2ProtocolOptions: http2WithinMesh,
      // Routes say how long a stream may be idle.
      streamIdleTimeout: durationFromMs(0),
      maxRequestHeadersKb: sidecarCodecHeaders.maxKb,
      ...(listener.tracing ? { tracing: tracing(listener.tracing, listener.serviceName) } : {}),
      ...listener.more,
      commonHttpProtocolOptions: {
        maxHeadersCount: sidecarCodecHeaders.maxHeaders,
        ...listener.more.commonHttpProtocolOptions,
      },
    }),
  );
}

/**
 * A path is brought into its canonical form before it is judged, and goes on in it: dot segments, repeated slashes, backslashes and
 * escapes of letters, digits and "-._~" (RFC 3986, section 6.2.2). Routes decide on what stays ambiguous; see model/request-path.ts.
 */
const oneMeaning = {
  normalizePath: true,
  mergeSlashes: true,
  // An escaped slash is a part of a name to some services.
  pathWithEscapedSlashesAction: EscapedSlashes.KEEP_UNCHANGED,
} as const;

const router = extension(filters.router, RouterSchema, { suppressEnvoyHeaders: true });

const dropped = {
  // Who calls is not the caller's to say, on ports without a contract either.
  inbound: dropsHeaders(['x-envoy-', againHeader, callerHeader]),
  outbound: dropsHeaders(['x-envoy-']),
  // Callers outside may not speak as a sidecar either.
  gateway: dropsHeaders(['x-envoy-', meshHeaderPrefix]),
};

/** Notes the port of a call, that of its first connection when it comes again. */
export const notedPort = earlyMutations([
  {
    action: {
      case: 'append',
      value: {
        header: { key: calledPortHeader, value: '%DOWNSTREAM_LOCAL_PORT%' },
        appendAction: HeaderAppendAction.ADD_IF_ABSENT,
      },
    },
  },
]);

function dropsHeaders(prefixes: readonly string[]) {
  const mutations = prefixes.map((prefix) => ({
    action: {
      case: 'removeOnMatch' as const,
      value: { keyMatcher: { matchPattern: { case: 'prefix' as const, value: prefix } } },
    },
  }));
  return earlyMutations(mutations);
}

function earlyMutations(mutations: NonNullable<MessageInitShape<typeof HeaderMutationSchema>['mutations']>) {
  const name = 'envoy.http.early_header_mutation.header_mutation';
  return { name, typedConfig: typedConfig(HeaderMutationSchema, { mutations }) };
}
