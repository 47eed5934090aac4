import { isIP } from 'node:net';
import { objectRef } from '../kinds/registry.ts';
import { memoize } from '../memoize.ts';
import type { Manifest, ManifestObject } from '../mesh-directory/manifest.ts';
import type { ExternalService } from '../model/external-service.ts';
import type { MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import { refKey } from '../model/resource-ref.ts';
import type { PodNetwork, Workload } from '../model/workload.ts';
import { defaultSettings } from './default-settings.ts';
import type { ContractFact, Facts, GatewayFact, Resource, ServiceFact } from './facts.ts';

/** What is said of a mesh directory without a MeshConfig. */
const noMeshConfig: Problem = {
  resource: 'mesh.yaml',
  message: 'there is no MeshConfig',
  advice: 'a weft.dev/v1 MeshConfig with packages',
};

/**
 * Puts what single files hold together. Of two objects with one name, that of the file which sorts first counts, so that the
 * outcome does not depend on the order in which files were found. `missing`: what is said when there is no MeshConfig.
 */
export function gather(
  manifests: readonly Manifest[],
  contracts: readonly ContractFact[],
  problems: readonly Problem[],
  missing: Problem = noMeshConfig,
): Facts {
  const found: Problem[] = [...problems];
  const seen = new Map<string, { path: string; line: number }>();
  const objects: { object: ManifestObject; path: string }[] = [];
  const sorted = [...manifests].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const manifest of sorted) {
    found.push(...manifest.problems);
    for (const object of manifest.objects) {
      // There is one configuration of the mesh, whatever its documents are called.
      const key = object.is === 'mesh-config' ? 'MeshConfig' : refKey(objectRef(object));
      const first = seen.get(key);
      if (first !== undefined) {
        found.push({
          resource: manifest.path,
          about: [objectRef(object)],
          message: `line ${object.line}: ${object.kind} ${object.namespace}/${object.name} is there twice`,
          advice: `${first.path}, line ${first.line} counts; remove one of the two`,
        });
        continue;
      }
      seen.set(key, { path: manifest.path, line: object.line });
      objects.push({ object, path: manifest.path });
    }
  }

  let settings: MeshSettings | undefined;
  for (const { object, path } of objects) {
    if (object.is === 'mesh-config') settings = { ...settingsOf(object.read.spec), origin: path };
  }
  if (settings === undefined) found.push(missing);
  const { trustDomain } = settings ?? defaultSettings;

  const services: ServiceFact[] = [];
  const workloads: Workload[] = [];
  const gateways: GatewayFact[] = [];
  const externalServices: ExternalService[] = [];
  const resources: Resource[] = [];
  for (const { object, path } of objects) {
    switch (object.is) {
      case 'service':
        services.push(serviceOf(object, path));
        break;
      case 'workload':
        workloads.push(workloadOf(object, trustDomain));
        break;
      case 'external-service':
        externalServices.push(externalServiceOf(object, path));
        break;
      case 'gateway':
        gateways.push({ name: object.name, ...object.read.spec, origin: path });
        break;
      case 'other':
        resources.push(resourceOf(object, path));
    }
  }
  return {
    settings: settings ?? defaultSettings,
    services,
    workloads,
    contracts: distinct(contracts),
    gateways,
    externalServices,
    resources,
    problems: found,
  };
}

// An object never changes: what it says is one fact, however often the others around it change.

function settingsOf(spec: Extract<ManifestObject, { is: 'mesh-config' }>['read']['spec']): MeshSettings {
  return {
    trustDomain: spec.trustDomain,
    packages: spec.packages,
    ...(spec.tracing === undefined ? {} : { tracing: spec.tracing }),
    certificateLifetimeMs: spec.certificateLifetime,
    outbound: spec.outbound,
    permissive: spec.permissive.map(({ port, ...rule }) => ({ ...rule, ...(port === undefined ? {} : { port }) })),
    zoneAware: spec.zoneAware,
  };
}

const serviceOf = memoize((object: Extract<ManifestObject, { is: 'service' }>, path: string): ServiceFact => {
  const { ports, selector, clusterIP, clusterIPs } = object.read.spec;
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
    origin: path,
  };
});

function podOf({
  application,
  ...pod
}: NonNullable<Extract<ManifestObject, { is: 'workload' }>['read']['spec']['pod']>): PodNetwork {
  return { ...pod, ...(application === undefined ? {} : { application }) };
}

const workloadOf = memoize((object: Extract<ManifestObject, { is: 'workload' }>, trustDomain: string): Workload => {
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
});

const externalServiceOf = memoize(
  (object: Extract<ManifestObject, { is: 'external-service' }>, path: string): ExternalService => ({
    id: `${object.namespace}/${object.name}`,
    namespace: object.namespace,
    ...object.read.spec,
    origin: path,
  }),
);

const resourceOf = memoize((object: Extract<ManifestObject, { is: 'other' }>, path: string): Resource => {
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
    origin: path,
  };
});

/** The same descriptor set in two files of one namespace is one contract. */
function distinct(contracts: readonly ContractFact[]): ContractFact[] {
  const byKey = new Map<string, ContractFact>();
  for (const contract of [...contracts].sort((a, b) => (a.origin < b.origin ? -1 : 1))) {
    const key = `${contract.namespace}/${contract.hash}`;
    if (!byKey.has(key)) byKey.set(key, contract);
  }
  return [...byKey.values()];
}
