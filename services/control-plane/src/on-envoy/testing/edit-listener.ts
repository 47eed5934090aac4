import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { encodeResource } from '@weft/compiler/envoy/encode';
import { type Resource, typeUrls } from '@weft/compiler/envoy/resource';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
} from '@weft/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager';

/** A gateway's listener with its HTTP connection manager edited; any other resource as it is. For tests that cannot wait. */
export function editGateway(resource: Resource, edit: (manager: HttpConnectionManager) => void): Resource {
  if (resource.typeUrl !== typeUrls.listener || !resource.name.startsWith('gateway|')) return resource;
  const listener = fromBinary(ListenerSchema, resource.body);
  for (const { filters } of listener.filterChains) {
    for (const { configType } of filters) {
      if (configType.case !== 'typedConfig') continue;
      const manager = fromBinary(HttpConnectionManagerSchema, configType.value.value);
      edit(manager);
      configType.value.value = toBinary(HttpConnectionManagerSchema, manager);
    }
  }
  return encodeResource(typeUrls.listener, resource.name, ListenerSchema, listener);
}
