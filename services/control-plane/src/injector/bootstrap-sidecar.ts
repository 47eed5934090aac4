import { createRegistry, fromJson, toJson } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { bootstrap, bootstrapSchemas } from '@weft/compiler/envoy/bootstrap';
import { heapShare, sidecarLimits } from '@weft/compiler/envoy/overload';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { rootDirectory, tokenDirectory } from '@weft/compiler/pod/names';
import { BootstrapSchema } from '@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap';
import { FilterConfigSchema as ReverseBridgeSchema } from '@weft/envoy-api/envoy/extensions/filters/http/grpc_http1_reverse_bridge/v3/config';
import { HealthCheckSchema } from '@weft/envoy-api/envoy/extensions/filters/http/health_check/v3/health_check';
import { LuaPerRouteSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { Document, visit } from 'yaml';
import { readinessListener } from './bootstrap-exposure.ts';
import { grpcProbeListeners, kubeletListener } from './bootstrap-kubelet-listener.ts';
import { adminSocket, readyListener } from './bootstrap-ready-listener.ts';
import { fillByKubelet, podId } from './bootstrap-variables.ts';
import type { InterceptionMode } from './interception-mode.ts';
import type { GrpcProbePort, KubeletRoute } from './probes.ts';

/** What the bootstrap of a pod's sidecar depends on. */
export interface SidecarBootstrapOptions {
  readonly controlPlane: SocketAddress;
  readonly mode: InterceptionMode;
  readonly routes: readonly KubeletRoute[];
  readonly grpc: readonly GrpcProbePort[];
  /** Ports that the user keeps out of the mesh. */
  readonly openPorts: readonly number[];
  readonly drainSecret: string;
  /** The memory limit of its container, in bytes. */
  readonly memoryBytes: number;
}

/** How long Envoy waits for the control plane before it opens its listeners. It is not ready before it has its configuration. */
const firstConfigurationMs = 2000;

const registry = createRegistry(
  ...bootstrapSchemas,
  HealthCheckSchema,
  HttpConnectionManagerSchema,
  LuaPerRouteSchema,
  ReverseBridgeSchema,
  RouterSchema,
);

/**
 * The bootstrap of a pod's sidecar as the argument of `--config-yaml`, for the kubelet to fill in the pod's name and address. What
 * the kubelet needs is in it, so that it works while the control plane is away.
 */
export function sidecarBootstrap(options: SidecarBootstrapOptions): string {
  const common = bootstrap({
    workload: podId,
    controlPlane: options.controlPlane,
    rootSdsPath: `${rootDirectory}/ca-sds.yaml`,
    tokenPath: `${tokenDirectory}/token`,
    adminSocket,
    limits: { ...sidecarLimits, maxHeapBytes: Math.floor(heapShare * options.memoryBytes) },
  });
  const message = fromJson(BootstrapSchema, common, { registry });
  const { cdsConfig, ldsConfig } = message.dynamicResources ?? {};
  // Until then Envoy answers nobody: but the kubelet must have its answers while the control plane is away.
  for (const source of [cdsConfig, ldsConfig])
    if (source) source.initialFetchTimeout = durationFromMs(firstConfigurationMs);
  const ready = readyListener();
  const readiness = options.mode === 'none' ? [readinessListener(options.openPorts)] : [];
  const kubelet = kubeletListener(options.routes, options.drainSecret);
  const grpc = grpcProbeListeners(options.grpc);
  message.staticResources?.listeners.push(ready.listener, ...readiness, ...kubelet.listeners, ...grpc.listeners);
  message.staticResources?.clusters.push(...ready.clusters, ...kubelet.clusters, ...grpc.clusters);
  return fillByKubelet(asYaml(toJson(BootstrapSchema, message, { registry })));
}

/** Every string in quotes, or as a block: Envoy's YAML takes words as booleans that YAML 1.2 does not. */
function asYaml(value: unknown): string {
  const document = new Document(value);
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      node.type = node.value.includes('\n') ? 'BLOCK_LITERAL' : 'QUOTE_DOUBLE';
    },
  });
  return document.toString({ lineWidth: 0 });
}
