import { isIP } from 'node:net';
import { settingsKey } from '../facts/fact-collections.ts';
import type { GatewayFact, Resource, ServiceFact } from '../facts/facts.ts';
import { objectRef } from '../kinds/registry.ts';
import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings } from '../model/mesh.ts';
import { refKey } from '../model/resource-ref.ts';
import type { PodNetwork, Workload } from '../model/workload.ts';
import type { ManifestObject } from './manifest.ts';

/** An object and where it was read: a file, or a resource of an API server. */
export interface Document {
  readonly object: ManifestObject;
  readonly origin: string;
}

/** A document of one kind. */
export type ObjectOf<Is extends ManifestObject['is']> = Extract<ManifestObject, { is: Is }>;

/** Tells documents apart. There is one configuration of the mesh, whatever its documents are called. */
export function documentKey(object: ManifestObject): string {
  return object.is === 'mesh-config' ? settingsKey : refKey(objectRef(object));
}

/** The settings that a MeshConfig makes. */
export function settingsOf({ read: { spec } }: ObjectOf<'mesh-config'>, origin: string): MeshSettings {
  return {
    trustDomain: spec.trustDomain,
    packages: spec.packages,
    exposure: spec.exposure,
    ...(spec.tracing === undefined ? {} : { tracing: spec.tracing }),
    certificateLifetimeMs: spec.certificateLifetime,
    outbound: spec.outbound,
    ...(spec.outbounds === undefined ? {} : { outbounds: spec.outbounds }),
    accessLog: spec.accessLog,
    accessLogs: spec.accessLogs,
    permissive: spec.permissive.map(({ port, ...rule }) => ({ ...rule, ...(port === undefined ? {} : { port }) })),
    zoneAware: spec.zoneAware,
    quotas: spec.quotas,
    origin,
  };
}

/** The service that a Service (core/v1) is. */
export function serviceOf(object: ObjectOf<'service'>, origin: string): ServiceFact | undefined {
  const { selector, clusterIP, clusterIPs } = object.read.spec;
  const ports = tcpPorts(object.read.spec.ports);
  if (ports.length === 0) return undefined;
  const isGrpc = (port: (typeof ports)[number]) => port.appProtocol === 'grpc' || port.name === 'grpc';
  const main = ports.find(isGrpc) ?? ports[0];
  const addresses = clusterIPs ?? (clusterIP === undefined ? [] : [clusterIP]);
  return {
    namespace: object.namespace,
    name: object.name,
    selector,
    ports: [...ports.filter((port) => port === main), ...ports.filter((port) => port !== main)].map(
      ({ port, targetPort, appProtocol }) => ({
        port,
        ...(targetPort === undefined ? {} : { targetPort }),
        ...(appProtocol === undefined ? {} : { appProtocol }),
      }),
    ),
    addresses: addresses.filter((address) => isIP(address) !== 0),
    headless: addresses.includes('None'),
    origin,
  };
}

/** The same number may be there for UDP, too, as for HTTP/3 and DNS; the mesh carries TCP. */
function tcpPorts<Port extends { readonly port: number; readonly protocol?: string | undefined }>(
  ports: readonly Port[],
): readonly Port[] {
  const byNumber = new Map<number, Port>();
  for (const port of ports) {
    if ((port.protocol ?? 'TCP') === 'TCP' && !byNumber.has(port.port)) byNumber.set(port.port, port);
  }
  return [...byNumber.values()];
}

/** The replica that a Workload is, in a mesh of this trust domain. */
export function workloadOf(object: ObjectOf<'workload'>, trustDomain: string): Workload {
  const { spec, status } = object.read;
  return {
    id: `${object.namespace}/${object.name}`,
    namespace: object.namespace,
    name: object.name,
    labels: object.labels,
    serviceAccount: spec.serviceAccount,
    spiffeId: `spiffe://${trustDomain}/ns/${object.namespace}/sa/${spec.serviceAccount}`,
    ...(spec.contract === undefined ? {} : { contractHash: spec.contract }),
    inbound: spec.inbound,
    ...(spec.outbound === undefined ? {} : { outbound: { listen: spec.outbound } }),
    ...(spec.gateway === undefined ? {} : { gateway: spec.gateway }),
    ...(spec.pod === undefined ? {} : { pod: podOf(spec.pod) }),
    ready: status.ready,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    ...(spec.zone === undefined ? {} : { locality: { zone: spec.zone } }),
  };
}

function podOf({ application, ...pod }: NonNullable<ObjectOf<'workload'>['read']['spec']['pod']>): PodNetwork {
  return { ...pod, ...(application === undefined ? {} : { application }) };
}

/** The external service that an ExternalService declares. */
export function externalServiceOf(object: ObjectOf<'external-service'>, origin: string): ExternalService {
  return { id: `${object.namespace}/${object.name}`, namespace: object.namespace, ...object.read.spec, origin };
}

/** The settings that a Gateway makes. */
export function gatewayOf(object: ObjectOf<'gateway'>, origin: string): GatewayFact {
  return { name: object.name, ...object.read.spec, origin };
}

/** A resource for the front end that reads its kind. */
export function resourceOf(object: ObjectOf<'other'>, origin: string): Resource {
  const { hasNamespace, creationTimestamp, spec } = object.read;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: {
      name: object.name,
      ...(hasNamespace ? { namespace: object.namespace } : {}),
      labels: object.labels,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec,
    origin,
  };
}
