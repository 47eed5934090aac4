import { hash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import type { Resource, Snapshot, TypeUrl } from '@weft/compiler/envoy/resource';
import { typeUrls } from '@weft/compiler/envoy/resource';
import { Cluster_DiscoveryType, ClusterSchema } from '@weft/envoy-api/envoy/config/cluster/v3/cluster';

/** A resource of any bytes; for tests of the protocol, which does not read them. */
export function resource(typeUrl: TypeUrl, name: string, content: string): Resource {
  return resourceOf(typeUrl, name, Buffer.from(`${name}=${content}`));
}

/** A resource of a message's bytes under its content hash. */
export function resourceOf(typeUrl: TypeUrl, name: string, body: Uint8Array): Resource {
  return { typeUrl, name, version: hash('sha256', body, 'hex').slice(0, 16), body };
}

/** A cluster that takes endpoints of its own name from EDS; `content` makes versions differ. */
export function cluster(name: string, content = 'a', endpointsName = ''): Resource {
  const message = create(ClusterSchema, {
    name,
    altStatName: content,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { serviceName: endpointsName },
  });
  return resourceOf(typeUrls.cluster, name, toBinary(ClusterSchema, message));
}

export const endpoints = (name: string, content = 'a') => resource(typeUrls.endpoints, name, content);
export const secret = (name: string, content = 'a') => resource(typeUrls.secret, name, content);
export const listener = (name: string, content = 'a') => resource(typeUrls.listener, name, content);
export const route = (name: string, content = 'a') => resource(typeUrls.route, name, content);

/** A snapshot of these. */
export function snapshotOf(resources: Iterable<Resource>): Snapshot {
  const snapshot = new Map<TypeUrl, Map<string, Resource>>();
  for (const typeUrl of Object.values(typeUrls)) snapshot.set(typeUrl, new Map());
  for (const one of resources) snapshot.get(one.typeUrl)?.set(one.name, one);
  return snapshot;
}
