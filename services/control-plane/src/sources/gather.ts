import type { MeshSettings } from '../model/mesh.ts';
import type { Problem } from '../model/problem.ts';
import type { Workload } from '../model/workload.ts';
import type { ContractFact, Facts, GatewayFact, Resource, ServiceFact } from './facts.ts';
import { type Manifest, type ManifestObject, manifestKey } from './manifest.ts';

/** What holds in a mesh that has no MeshConfig. */
export const defaultSettings: MeshSettings = {
  trustDomain: 'weft.local',
  packages: [],
  certificateLifetimeMs: 24 * 3_600_000,
};

/**
 * Puts what single files hold together. Of two objects with one name, that of the file which sorts first counts, so that the
 * outcome does not depend on the order in which files were found.
 */
export function gather(
  manifests: readonly Manifest[],
  contracts: readonly ContractFact[],
  problems: readonly Problem[],
): Facts {
  const found: Problem[] = [...problems];
  const seen = new Map<string, { path: string; line: number }>();
  const objects: { object: ManifestObject; path: string }[] = [];
  const sorted = [...manifests].sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const manifest of sorted) {
    found.push(...manifest.problems);
    for (const object of manifest.objects) {
      // There is one configuration of the mesh, whatever its documents are called.
      const key = object.is === 'mesh-config' ? 'MeshConfig' : manifestKey(object);
      const first = seen.get(key);
      if (first !== undefined) {
        found.push({
          resource: manifest.path,
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
  for (const { object } of objects) if (object.is === 'mesh-config') settings = settingsOf(object.read.spec);
  if (settings === undefined) {
    found.push({
      resource: 'mesh.yaml',
      message: 'there is no MeshConfig',
      advice: 'a weft.dev/v1 MeshConfig with packages',
    });
  }
  const { trustDomain } = settings ?? defaultSettings;

  const services: ServiceFact[] = [];
  const workloads: Workload[] = [];
  const gateways: GatewayFact[] = [];
  const resources: Resource[] = [];
  for (const { object, path } of objects) {
    switch (object.is) {
      case 'service':
        services.push(serviceOf(object, path, found));
        break;
      case 'workload':
        workloads.push(workloadOf(object, trustDomain));
        break;
      case 'gateway':
        gateways.push({ name: object.name, ...object.read.spec, origin: path });
        break;
      case 'other':
        resources.push({
          apiVersion: object.apiVersion,
          kind: object.kind,
          metadata: {
            name: object.name,
            ...(object.read.hasNamespace ? { namespace: object.namespace } : {}),
            labels: object.labels,
            ...(object.read.creationTimestamp === undefined
              ? {}
              : { creationTimestamp: object.read.creationTimestamp }),
          },
          spec: object.read.spec,
          origin: path,
        });
    }
  }
  return {
    settings: settings ?? defaultSettings,
    services,
    workloads,
    contracts: distinct(contracts),
    gateways,
    resources,
    problems: found,
  };
}

function settingsOf(spec: Extract<ManifestObject, { is: 'mesh-config' }>['read']['spec']): MeshSettings {
  return {
    trustDomain: spec.trustDomain,
    packages: spec.packages,
    ...(spec.tracing === undefined ? {} : { tracing: spec.tracing }),
    certificateLifetimeMs: spec.certificateLifetime,
  };
}

function serviceOf(object: Extract<ManifestObject, { is: 'service' }>, path: string, problems: Problem[]): ServiceFact {
  const { ports, selector } = object.read.spec;
  const isGrpc = (port: (typeof ports)[number]) => port.appProtocol === 'grpc' || port.name === 'grpc';
  const port = ports.find(isGrpc) ?? ports[0];
  if (ports.length > 1) {
    problems.push({
      resource: path,
      field: 'spec.ports',
      message: `line ${object.line}: Service ${object.namespace}/${object.name} has ${ports.length} ports; port ${port?.port} counts`,
      advice: 'one port, or one Service for each',
    });
  }
  return {
    namespace: object.namespace,
    name: object.name,
    selector,
    port: port?.port ?? 0,
    ...(port?.appProtocol === undefined ? {} : { appProtocol: port.appProtocol }),
    origin: path,
  };
}

function workloadOf(object: Extract<ManifestObject, { is: 'workload' }>, trustDomain: string): Workload {
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
    ready: status.ready,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
  };
}

/** The same descriptor set in two files of one namespace is one contract. */
function distinct(contracts: readonly ContractFact[]): ContractFact[] {
  const byKey = new Map<string, ContractFact>();
  for (const contract of [...contracts].sort((a, b) => (a.origin < b.origin ? -1 : 1))) {
    const key = `${contract.namespace}/${contract.hash}`;
    if (!byKey.has(key)) byKey.set(key, contract);
  }
  return [...byKey.values()];
}
