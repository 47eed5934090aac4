import { create } from '@bufbuild/protobuf';
import { TrafficDirection } from '@weft/envoy-api/envoy/config/core/v3/base';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import type { Filter } from '@weft/envoy-api/envoy/config/listener/v3/listener_components';
import { HttpConnectionManager_CodecType as CodecType } from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';
import type { MeshSettings } from '../model/mesh.ts';
import type { OutboundPort } from '../model/workload.ts';
import { address } from './address.ts';
import { encodeResource } from './encode.ts';
import { type HttpListener, httpConnectionManager } from './http-connection-manager.ts';
import { refusal } from './http-filters.ts';
import { outboundReplies } from './local-reply.ts';
import { outboundName } from './names.ts';
import { type Resource, typeUrls } from './resource.ts';

/** The name under which spans of an application's calls appear, and which of those calls get a line in the access log. */
export type LoggedCaller = Pick<HttpListener, 'serviceName' | 'accessLog' | 'notesPort'>;

/** Where a sidecar takes the calls of its own application: plain HTTP on loopback. */
export function outboundListener(settings: MeshSettings, port: OutboundPort, caller: LoggedCaller): Resource {
  const listener = create(ListenerSchema, {
    name: outboundName,
    address: address(port.listen),
    trafficDirection: TrafficDirection.OUTBOUND,
    filterChains: [{ filters: [outboundHttp(settings, outboundName, caller)] }],
  });
  return encodeResource(typeUrls.listener, outboundName, ListenerSchema, listener);
}

/** HTTP of an application to the mesh, by the routes of that name. */
export function outboundHttp(settings: MeshSettings, routes: string, caller: LoggedCaller): Filter {
  return httpConnectionManager({
    direction: 'outbound',
    routes,
    ...caller,
    ...(settings.tracing ? { tracing: settings.tracing } : {}),
    filters: [refusal],
    replies: outboundReplies,
    more: { codecType: CodecType.AUTO, skipXffAppend: true, stripTrailingHostDot: true },
  });
}
