import type { JsonValue } from '@bufbuild/protobuf';
import { type Resource, type Snapshot, type TypeUrl, typeUrls } from '../envoy/resource.ts';
import { resourceJson } from '../envoy/resource-json.ts';

/** A resource that another one names. */
type Reference = readonly [typeUrl: TypeUrl, name: string];

/** Known from the bootstrap, or meant not to be there. */
const elsewhere = ['xds', 'nowhere'];

/** Random meshes make few resources many times. */
const byVersion = new Map<string, readonly (Reference | string)[]>();

/** What resources of a snapshot name that is not in it, in words. Envoy would send calls nowhere, or wait for it. */
export function missingReferences(snapshot: Snapshot): string[] {
  const missing: string[] = [];
  for (const resources of snapshot.values()) {
    for (const resource of resources.values()) {
      for (const reference of referencesOf(resource)) {
        if (typeof reference === 'string') missing.push(`${resource.name}: ${reference}`);
        else if (!snapshot.get(reference[0])?.has(reference[1]))
          missing.push(`${resource.name}: ${reference.join(' ')}`);
      }
    }
  }
  return missing;
}

/** What a resource names; a filter chain of its own that it chooses and does not have, in words. */
function referencesOf(resource: Resource): readonly (Reference | string)[] {
  const key = `${resource.typeUrl} ${resource.version}`;
  const known = byVersion.get(key) ?? [...readReferences(resource)];
  byVersion.set(key, known);
  return known;
}

function* readReferences(resource: Resource): Iterable<Reference | string> {
  const json = resourceJson(resource);
  if (resource.typeUrl === typeUrls.cluster) {
    if (isObject(json) && json.type === 'EDS') yield [typeUrls.endpoints, resource.name];
    return;
  }
  if (resource.typeUrl === typeUrls.endpoints) return;
  const chains = new Set(isObject(json) && Array.isArray(json.filterChains) ? json.filterChains.map(nameOf) : []);
  for (const [key, value] of fields(json)) {
    if ((key === 'cluster' || key === 'clusterName') && typeof value === 'string') {
      // Access logs have a field of this name.
      if (!elsewhere.includes(value) && !value.startsWith('%')) yield [typeUrls.cluster, value];
    } else if (key === 'routeConfigName' && typeof value === 'string') yield [typeUrls.route, value];
    else if (key === 'action' && nameOf(value) === 'chain' && isObject(value) && isObject(value.typedConfig)) {
      const { value: chain } = value.typedConfig;
      if (typeof chain === 'string' && !chains.has(chain)) yield `it has no filter chain ${chain}`;
    }
  }
}

function* fields(json: JsonValue): Iterable<readonly [key: string, value: JsonValue]> {
  if (Array.isArray(json)) for (const item of json) yield* fields(item);
  else if (isObject(json)) {
    for (const [key, value] of Object.entries(json)) {
      yield [key, value];
      yield* fields(value);
    }
  }
}

function nameOf(json: JsonValue): JsonValue | undefined {
  return isObject(json) ? json.name : undefined;
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
