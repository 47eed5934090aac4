import { createRegistry, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { bootstrap, bootstrapSchemas } from '@weft/compiler/envoy/bootstrap';
import { edgeLimits, heapShare } from '@weft/compiler/envoy/overload';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { rootDirectory, tokenDirectory } from '@weft/compiler/pod/names';
import { BootstrapSchema } from '@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { adminSocket, readyListener } from '../injector/bootstrap-ready-listener.ts';
import { podIp } from '../injector/bootstrap-variables.ts';

/** What the bootstrap of a pod of the edge depends on. */
export interface EdgeBootstrapOptions {
  /** The pod. */
  readonly workload: WorkloadId;
  readonly controlPlane: SocketAddress;
  /** Where it listens for callers from outside the mesh. */
  readonly listen: SocketAddress;
  /** The memory limit of Envoy's container, in bytes. Default: 512 MiB. */
  readonly memoryBytes?: number;
  /** Connections of callers at once. Default: 5,000. */
  readonly maxConnections?: number;
}

const registry = createRegistry(...bootstrapSchemas, HttpConnectionManagerSchema, RouterSchema);

/** The bootstrap of a pod of the edge, as the JSON that `envoy -c` takes: a sidecar's, without what belongs to an application. Pure. */
export function edgeBootstrap(options: EdgeBootstrapOptions): JsonValue {
  const { workload, controlPlane, listen, memoryBytes } = options;
  const common = bootstrap({
    workload,
    controlPlane,
    rootSdsPath: `${rootDirectory}/ca-sds.yaml`,
    tokenPath: `${tokenDirectory}/token`,
    adminSocket,
    fromOutside: true,
    limits: {
      maxHeapBytes: memoryBytes === undefined ? edgeLimits.maxHeapBytes : Math.floor(heapShare * memoryBytes),
      maxConnections: options.maxConnections ?? edgeLimits.maxConnections,
    },
  });
  const message = fromJson(BootstrapSchema, common, { registry });
  const ready = readyListener(listen);
  message.staticResources?.listeners.push(ready.listener);
  message.staticResources?.clusters.push(...ready.clusters);
  // The kubelet fills this in for sidecars, in the arguments of their containers; here it is known.
  return JSON.parse(JSON.stringify(toJson(BootstrapSchema, message, { registry })).replaceAll(podIp, listen.host));
}
