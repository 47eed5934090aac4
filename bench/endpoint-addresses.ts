import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { HealthStatus } from '@weft/envoy-api/envoy/config/core/v3/health_check';
import { ClusterLoadAssignmentSchema } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint';
import type { LbEndpoint } from '@weft/envoy-api/envoy/config/endpoint/v3/endpoint_components';
import type { Resource } from '@weft/envoy-api/envoy/service/discovery/v3/discovery';

const none: ReadonlySet<string> = new Set();
/** The last form of each resource. All clients get the same bytes in a row, so these are read once. */
const known = new Map<string, { readonly bytes: Uint8Array; readonly addresses: ReadonlySet<string> }>();

/** The IP addresses of a ClusterLoadAssignment, apart from those of endpoints that it calls unhealthy. */
export function addressesOf({ name, resource }: Pick<Resource, 'name' | 'resource'>): ReadonlySet<string> {
  if (resource === undefined) return none;
  const before = known.get(name);
  if (before && Buffer.compare(before.bytes, resource.value) === 0) return before.addresses;
  const localities = anyUnpack(resource, ClusterLoadAssignmentSchema)?.endpoints ?? [];
  const addresses = new Set(localities.flatMap(({ lbEndpoints }) => lbEndpoints.flatMap(addressOf)));
  // A copy: the resource is a part of a whole response.
  known.set(name, { bytes: Uint8Array.from(resource.value), addresses });
  return addresses;
}

function addressOf({ hostIdentifier, healthStatus }: LbEndpoint): string[] {
  const isHealthy = healthStatus === HealthStatus.UNKNOWN || healthStatus === HealthStatus.HEALTHY;
  const address = hostIdentifier.case === 'endpoint' ? hostIdentifier.value.address?.address : undefined;
  return isHealthy && address?.case === 'socketAddress' ? [address.value.address] : [];
}
