import { createRegistry, fromJson, type JsonValue, toJson } from '@bufbuild/protobuf';
import { bootstrap } from '@weft/compiler/envoy/bootstrap';
import type { WorkloadId } from '@weft/compiler/model/mesh';
import type { SocketAddress } from '@weft/compiler/model/workload';
import { rootDirectory, tokenDirectory } from '@weft/compiler/pod/names';
import { BootstrapSchema } from '@weft/envoy-api/envoy/config/bootstrap/v3/bootstrap';
import { LuaSchema } from '@weft/envoy-api/envoy/extensions/filters/http/lua/v3/lua';
import { RouterSchema } from '@weft/envoy-api/envoy/extensions/filters/http/router/v3/router';
import { UpstreamCodecSchema } from '@weft/envoy-api/envoy/extensions/filters/http/upstream_codec/v3/upstream_codec';
import { HttpConnectionManagerSchema } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import { UpstreamTlsContextSchema } from '@weft/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls';
import { HttpProtocolOptionsSchema } from '@weft/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options';
import { adminSocket, readyListener } from '../injector/bootstrap-ready-listener.ts';
import { podIp } from '../injector/bootstrap-variables.ts';

/** What the bootstrap of a pod of the edge depends on. */
export interface EdgeBootstrapOptions {
  /** The pod. */
  readonly workload: WorkloadId;
  readonly controlPlane: SocketAddress;
  /** Where it listens for callers from outside the mesh. */
  readonly listen: SocketAddress;
}

const registry = createRegistry(
  BootstrapSchema,
  HttpConnectionManagerSchema,
  HttpProtocolOptionsSchema,
  LuaSchema,
  RouterSchema,
  UpstreamCodecSchema,
  UpstreamTlsContextSchema,
);

/** The bootstrap of a pod of the edge, as the JSON that `envoy -c` takes: a sidecar's, without what belongs to an application. Pure. */
export function edgeBootstrap({ workload, controlPlane, listen }: EdgeBootstrapOptions): JsonValue {
  const common = bootstrap({
    workload,
    controlPlane,
    rootSdsPath: `${rootDirectory}/ca-sds.yaml`,
    tokenPath: `${tokenDirectory}/token`,
    adminSocket,
    fromOutside: true,
  });
  const message = fromJson(BootstrapSchema, common, { registry });
  const ready = readyListener(listen);
  message.staticResources?.listeners.push(ready.listener);
  message.staticResources?.clusters.push(...ready.clusters);
  // The kubelet fills this in for sidecars, in the arguments of their containers; here it is known.
  return JSON.parse(JSON.stringify(toJson(BootstrapSchema, message, { registry })).replaceAll(podIp, listen.host));
}
