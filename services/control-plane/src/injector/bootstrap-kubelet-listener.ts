import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { extension, typedConfig } from '@weft/compiler/envoy/typed-config';
import type { ApplicationAddress } from '@weft/compiler/model/workload';
import { kubeletPort } from '@weft/compiler/pod/ports';
import type { Cluster } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import type { Listener } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { RouteSchema } from '@weft/envoy-api/envoy/config/route/v3/route_components';
import { HealthCheckSchema } from '@weft/envoy-api/envoy/extensions/filters/http/health_check/v3/health_check';
import { LuaPerRouteSchema, LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { openPortCheck, staticCluster } from './bootstrap-clusters.ts';
import { exactHeader, exactly, plainListener, withQuery } from './bootstrap-plain-http.ts';
import { toAdmin } from './bootstrap-ready-listener.ts';
import type { GrpcProbePort, KubeletRoute } from './probes.ts';

/** The header that a pod's own secret comes in. */
export const drainHeader = 'x-weft-drain';

const lua = 'envoy.filters.http.lua';

/** Listeners and the clusters behind them. */
export interface StaticPart {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
}

/** What the kubelet may ask of a pod: its probes and hooks as they were rewritten, and GET /drain with the pod's secret. */
export function kubeletListener(routes: readonly KubeletRoute[], drainSecret: string): StaticPart {
  const clusters = new Map<string, Cluster>();
  const http: MessageInitShape<typeof RouteSchema>[] = [];
  const healthChecks = [];
  for (const route of routes) {
    const name = `${route.kind === 'http' && route.tls ? 'probe-tls' : `probe-${route.kind}`}|${nameOf(route.application)}`;
    if (route.kind === 'http') {
      clusters.set(name, staticCluster(name, route.application, { tls: route.tls }));
      http.push(toApplication(route.path, route.applicationPath, name));
    } else {
      const { periodSeconds, timeoutSeconds } = soonest(routes, route);
      const healthCheck = openPortCheck(periodSeconds, timeoutSeconds);
      clusters.set(name, staticCluster(name, route.application, { healthCheck }));
      healthChecks.push(
        extension('envoy.filters.http.health_check', HealthCheckSchema, {
          passThroughMode: false,
          headers: [exactHeader(':method', 'GET'), exactHeader(':path', route.path)],
          clusterMinHealthyPercentages: { [name]: { value: 100 } },
        }),
      );
    }
  }
  const listener = plainListener({
    name: 'kubelet',
    port: kubeletPort,
    codec: 'http1',
    filters: [...healthChecks, extension(lua, LuaSchema, {})],
    routes: [...http, ...drain(drainSecret)],
  });
  return { listeners: [listener], clusters: [...clusters.values()] };
}

/** The ports for gRPC probes: each passes exactly the standard health check to its application. */
export function grpcProbeListeners(doors: readonly GrpcProbePort[]): StaticPart {
  return {
    listeners: doors.map(({ port, application }) =>
      plainListener({
        name: `probe-grpc|${port}`,
        port,
        codec: 'http2',
        routes: [
          {
            match: exactly('POST', '/grpc.health.v1.Health/Check'),
            action: {
              case: 'route',
              value: {
                clusterSpecifier: { case: 'cluster', value: `probe-grpc|${nameOf(application)}` },
                timeout: durationFromMs(0),
              },
            },
          },
        ],
      }),
    ),
    clusters: doors.map(({ application }) =>
      staticCluster(`probe-grpc|${nameOf(application)}`, application, { http2: true }),
    ),
  };
}

function toApplication(path: string, applicationPath: string, cluster: string): MessageInitShape<typeof RouteSchema> {
  return {
    match: exactly('GET', path),
    action: {
      case: 'route',
      // The kubelet knows how long it waits.
      value: {
        clusterSpecifier: { case: 'cluster', value: cluster },
        prefixRewrite: applicationPath,
        timeout: durationFromMs(0),
      },
    },
  };
}

const drainPath = '/drain_listeners?inboundonly&graceful&skip_exit';

/**
 * Stock Envoy does not drain on SIGTERM, its admin interface takes only POST for it, and the kubelet's hooks are GET: so a GET with
 * the secret becomes that POST. Only inbound listeners drain; the application may still call others.
 *
 * Lua makes Envoy choose the route again, so there is one for each form, and each takes the secret.
 */
function drain(secret: string): MessageInitShape<typeof RouteSchema>[] {
  const inlineString = `function envoy_on_request(handle)
  handle:headers():replace(":method", "POST")
  handle:headers():replace(":path", "${drainPath}")
end
`;
  return [
    {
      match: exactly('GET', '/drain', { [drainHeader]: secret }),
      action: toAdmin,
      typedPerFilterConfig: {
        [lua]: typedConfig(LuaPerRouteSchema, {
          override: { case: 'sourceCode', value: { specifier: { case: 'inlineString', value: inlineString } } },
        }),
      },
    },
    {
      match: withQuery('POST', '/drain_listeners', { ':path': drainPath, [drainHeader]: secret }),
      action: toAdmin,
    },
  ];
}

/** Several TCP probes of one port share one check: the most frequent, with the shortest patience. */
function soonest(routes: readonly KubeletRoute[], { application }: KubeletRoute) {
  const same = routes.flatMap((route) =>
    route.kind === 'tcp' && nameOf(route.application) === nameOf(application) ? [route] : [],
  );
  return {
    periodSeconds: Math.min(...same.map(({ periodSeconds }) => periodSeconds)),
    timeoutSeconds: Math.min(...same.map(({ timeoutSeconds }) => timeoutSeconds)),
  };
}

function nameOf(application: ApplicationAddress): string {
  return 'unixSocket' in application ? 'app.sock' : String(application.port);
}
