import { create, createRegistry, type DescMessage, type JsonValue, toJson } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { type Bootstrap, BootstrapSchema } from '@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap';
import { Cluster_DiscoveryType as DiscoveryType } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ApiConfigSource_ApiType as ApiType, ApiVersion } from '@weft/envoy-api/envoy/config/core/v3/config_source';
import { ScaleTimersOverloadActionConfigSchema } from '@weft/envoy-api/envoy/config/overload/v3/overload';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { UpstreamCodecSchema } from '@weft/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec';
import { DownstreamConnectionsConfigSchema } from '@weft/envoy-api/envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections';
import { FixedHeapConfigSchema } from '@weft/envoy-api/envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap';
import { SubjectAltNameMatcher_SanType as SanType } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/common';
import { UpstreamTlsContextSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';
import { HttpProtocolOptionsSchema } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import type { WorkloadId } from '../model/mesh.ts';
import { partsOfId } from '../model/names.ts';
import type { SocketAddress } from '../model/workload.ts';
import { controlPlaneName } from '../pod/names.ts';
import { address } from './address.ts';
import { fromControlPlane } from './config-source.ts';
import { http2Only } from './http-protocol-options.ts';
import { controlPlaneCluster, rootSecret } from './names.ts';
import { edgeLimits, overloadManager, type ProxyLimits, sidecarLimits } from './overload.ts';
import { statsConfig } from './stats-matcher.ts';
import { extension } from './typed-config.ts';

/** What a proxy must know before it reaches the control plane. All paths are absolute. */
export interface BootstrapOptions {
  /** The workload that it stands beside: "bakery/orders-0". */
  readonly workload: WorkloadId;
  /** Where the control plane serves xDS; `host` may be a DNS name. */
  readonly controlPlane: SocketAddress;
  /** The name in the control plane's certificate. Default: "weft-control-plane". */
  readonly serverName?: string;
  /** A DiscoveryResponse file with the secret "root". Its directory is watched, so replace it by a rename. */
  readonly rootSdsPath: string;
  /** The proxy's bearer token, read for every new stream. */
  readonly tokenPath: string;
  /** The unix socket of Envoy's admin interface, made with mode 0600; at most 104 bytes on macOS. */
  readonly adminSocket: string;
  /** It takes calls from outside the mesh, as the edge does. Default: false. */
  readonly fromOutside?: boolean;
  /** What it may hold. Default: `edgeLimits` or `sidecarLimits`, by `fromOutside`. */
  readonly limits?: ProxyLimits;
}

/**
 * After 250 calls that a peer has given up within a second or so Envoy takes it for an attacker and closes the connection. Between
 * sidecars those are calls whose short deadlines have passed, and with the connection all other calls on it would be torn. Whoever
 * is outside is still held to it.
 */
const peersMayHangUp = { 'overload.premature_reset_total_stream_count': 4_000_000_000 };

/** Envoy's own longest wait is 30 s: after a control plane that was away, new endpoints would be as late. */
const reconnect = { retryBackOff: { baseInterval: durationFromMs(250), maxInterval: durationFromMs(5000) } };

/** What a bootstrap is made of, for those who read one as JSON or write it. */
export const bootstrapSchemas: readonly DescMessage[] = [
  BootstrapSchema,
  DownstreamConnectionsConfigSchema,
  FixedHeapConfigSchema,
  LuaSchema,
  UpstreamCodecSchema,
  UpstreamTlsContextSchema,
  HttpProtocolOptionsSchema,
  ScaleTimersOverloadActionConfigSchema,
];

const registry = createRegistry(...bootstrapSchemas);

/** The bootstrap of a proxy, as the JSON that `envoy -c` takes. Pure. */
export function bootstrap(options: BootstrapOptions): JsonValue {
  return toJson(BootstrapSchema, bootstrapMessage(options), { registry });
}

function bootstrapMessage(options: BootstrapOptions): Bootstrap {
  const serverName = options.serverName ?? controlPlaneName;
  return create(BootstrapSchema, {
    node: { id: options.workload, cluster: partsOfId(options.workload).namespace },
    admin: { address: { address: { case: 'pipe', value: { path: options.adminSocket, mode: 0o600 } } } },
    dynamicResources: {
      adsConfig: {
        apiType: ApiType.DELTA_GRPC,
        transportApiVersion: ApiVersion.V3,
        // It lists every extension of Envoy: 60 kB, which each acknowledgement would carry.
        setNodeOnFirstMessageOnly: true,
        grpcServices: [
          {
            targetSpecifier: { case: 'envoyGrpc', value: { clusterName: controlPlaneCluster, retryPolicy: reconnect } },
          },
        ],
      },
      cdsConfig: fromControlPlane,
      ldsConfig: fromControlPlane,
    },
    statsConfig,
    layeredRuntime: {
      layers: [
        {
          name: 'weft',
          layerSpecifier: {
            case: 'staticLayer',
            value: {
              // The REST paths of a service are one expression; Envoy's own bound (100) would refuse a service with five of them.
              're2.max_program_size.error_level': 1_000_000,
              ...(options.fromOutside ? {} : peersMayHangUp),
            },
          },
        },
      ],
    },
    overloadManager: overloadManager(options.limits ?? (options.fromOutside ? edgeLimits : sidecarLimits)),
    staticResources: {
      clusters: [
        {
          name: controlPlaneCluster,
          clusterDiscoveryType: { case: 'type', value: DiscoveryType.STRICT_DNS },
          connectTimeout: durationFromMs(1000),
          typedExtensionProtocolOptions: http2Only(
            { connectionKeepalive: { interval: durationFromMs(30_000), timeout: durationFromMs(5000) } },
            {
              // Neither credential_injector nor google_grpc reads its token again when it changes; this does.
              httpFilters: [
                extension('lua', LuaSchema, {
                  defaultSourceCode: { specifier: { case: 'inlineString', value: bearerToken(options.tokenPath) } },
                }),
                extension('codec', UpstreamCodecSchema, {}),
              ],
            },
          ),
          loadAssignment: {
            clusterName: controlPlaneCluster,
            endpoints: [
              {
                lbEndpoints: [
                  { hostIdentifier: { case: 'endpoint', value: { address: address(options.controlPlane) } } },
                ],
              },
            ],
          },
          transportSocket: extension('envoy.transport_sockets.tls', UpstreamTlsContextSchema, {
            sni: serverName,
            commonTlsContext: {
              alpnProtocols: ['h2'],
              validationContextType: {
                case: 'combinedValidationContext',
                value: {
                  defaultValidationContext: {
                    matchTypedSubjectAltNames: [
                      { sanType: SanType.DNS, matcher: { matchPattern: { case: 'exact', value: serverName } } },
                    ],
                  },
                  validationContextSdsSecretConfig: {
                    name: rootSecret,
                    sdsConfig: {
                      resourceApiVersion: ApiVersion.V3,
                      configSourceSpecifier: {
                        case: 'pathConfigSource',
                        value: {
                          path: options.rootSdsPath,
                          watchedDirectory: { path: options.rootSdsPath.replace(/\/[^/]*$/, '') },
                        },
                      },
                    },
                  },
                },
              },
            },
          }),
        },
      ],
    },
  });
}

function bearerToken(path: string): string {
  return `function envoy_on_request(handle)
  local file = io.open(${JSON.stringify(path)}, "r")
  if file then
    handle:headers():replace("authorization", "Bearer " .. file:read("*a"):gsub("%s+$", ""))
    file:close()
  else
    handle:headers():remove("authorization")
  end
end
`;
}
