import {
  createRegistry,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import { ListenerSchema } from '@weft/envoy-api/envoy/config/listener/v3/listener';
import { RouteConfigurationSchema } from '@weft/envoy-api/envoy/config/route/v3/route';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '../xds/resource.ts';

const schemas: ReadonlyMap<TypeUrl, DescMessage> = new Map<TypeUrl, DescMessage>([
  [typeUrls.cluster, ClusterSchema],
  [typeUrls.endpoints, ClusterLoadAssignmentSchema],
  [typeUrls.listener, ListenerSchema],
  [typeUrls.route, RouteConfigurationSchema],
]);

/** A snapshot as JSON: type URL to name to resource, in Envoy's spelling. Of secrets only the version: their keys are nobody's. */
export function proxyConfig(snapshot: Snapshot, extensions: Registry): JsonObject {
  const registry = createRegistry(...schemas.values(), extensions);
  const config: JsonObject = {};
  for (const [typeUrl, resources] of snapshot) {
    const byName: JsonObject = {};
    for (const [name, resource] of [...resources].sort(([a], [b]) => (a < b ? -1 : 1))) {
      byName[name] = resourceJson(resource, registry);
    }
    config[typeUrl] = byName;
  }
  return config;
}

function resourceJson(resource: Resource, registry: Registry): JsonObject {
  const schema = schemas.get(resource.typeUrl);
  if (schema === undefined) return { version: resource.version };
  const json = toJson(schema, fromBinary(schema, resource.body), { registry, useProtoFieldName: true });
  return typeof json === 'object' && json !== null && !Array.isArray(json) ? json : {};
}
