import {
  externalServiceSchema,
  gatewaySchema,
  meshConfigSchema,
  serviceSchema,
  workloadSchema,
} from '../mesh-directory/manifest-schemas.ts';
import { meshOverrideSchema, meshPolicySchema } from '../mesh-policy/schemas.ts';
import { groupOf, type ResourceRef, weftGroup } from '../model/resource-ref.ts';
import { marks } from '../pod/marks.ts';
import { factReader, type Kind, resourceReader, type Watch } from './kind.ts';

const ours = { group: weftGroup, version: 'v1' } as const;
const core = { group: '', version: 'v1', read: undefined, conditions: [] } as const;

/**
 * Every kind of resources that the mesh knows. Manifests, watches, status, CustomResourceDefinitions and rights follow from it: a new
 * kind is its front end's folder and an entry here; registry.test.ts says what the charts then need.
 */
export const kinds = {
  MeshConfig: {
    ...ours,
    kind: 'MeshConfig',
    plural: 'meshconfigs',
    scope: 'Cluster',
    read: factReader('mesh-config', meshConfigSchema),
    watches: { meshConfigs: {} },
    conditions: ['Accepted'],
  },
  MeshPolicy: {
    ...ours,
    kind: 'MeshPolicy',
    plural: 'meshpolicies',
    scope: 'Namespaced',
    read: resourceReader(meshPolicySchema),
    watches: { meshPolicies: {} },
    conditions: ['Accepted'],
  },
  MeshOverride: {
    ...ours,
    kind: 'MeshOverride',
    plural: 'meshoverrides',
    scope: 'Namespaced',
    read: resourceReader(meshOverrideSchema),
    watches: { meshOverrides: {} },
    conditions: ['Active', 'Accepted'],
  },
  Gateway: {
    ...ours,
    kind: 'Gateway',
    plural: 'gateways',
    scope: 'Cluster',
    read: factReader('gateway', gatewaySchema),
    watches: { gateways: {} },
    conditions: ['Accepted'],
  },
  ExternalService: {
    ...ours,
    kind: 'ExternalService',
    plural: 'externalservices',
    scope: 'Namespaced',
    read: factReader('external-service', externalServiceSchema),
    watches: { externalServices: {} },
    conditions: ['Accepted'],
  },
  Workload: {
    ...ours,
    kind: 'Workload',
    plural: 'workloads',
    scope: 'Namespaced',
    read: factReader('workload', workloadSchema),
    watches: {},
    conditions: [],
    standsFor: 'Pod',
  },
  Service: {
    ...core,
    kind: 'Service',
    plural: 'services',
    scope: 'Namespaced',
    read: factReader('service', serviceSchema),
    watches: { services: {} },
  },
  Namespace: { ...core, kind: 'Namespace', plural: 'namespaces', scope: 'Cluster', watches: { namespaces: {} } },
  Pod: {
    ...core,
    kind: 'Pod',
    plural: 'pods',
    scope: 'Namespaced',
    watches: { pods: { label: marks.injected }, gatewayPods: { label: marks.gateway } },
  },
  ConfigMap: {
    ...core,
    kind: 'ConfigMap',
    plural: 'configmaps',
    scope: 'Namespaced',
    watches: { contracts: { label: marks.contract } },
  },
  EndpointSlice: {
    ...core,
    group: 'discovery.k8s.io',
    kind: 'EndpointSlice',
    plural: 'endpointslices',
    scope: 'Namespaced',
    watches: { endpointSlices: {} },
  },
} as const satisfies Record<string, Kind>;

type KnownKind = (typeof kinds)[keyof typeof kinds];

/** What a document can be. */
export type DocumentPart = Extract<ReturnType<NonNullable<KnownKind['read']>>, { part: unknown }>['part'];

type KeysOf<T> = T extends unknown ? keyof T : never;

/** The name of a set of objects that is watched in a cluster. */
export type WatchedName = KeysOf<KnownKind['watches']>;

/** Every kind, without its own type. */
export const allKinds: readonly Kind[] = Object.values<Kind>(kinds);

/** The kinds of weft.dev that a cluster has. */
export const ownKinds: readonly Kind[] = allKinds.filter(
  ({ group, watches }) => group === weftGroup && Object.keys(watches).length > 0,
);

/** The sets of objects of a kind that are watched in a cluster. */
export function watchesOf({ watches }: Kind): readonly (readonly [WatchedName, Watch])[] {
  // The names of the registry's kinds are what the type is made of.
  return Object.entries(watches) as [WatchedName, Watch][];
}

/** The kind that a reference is of; undefined: nobody knows it. */
export function kindOfRef({ group, kind }: Pick<ResourceRef, 'group' | 'kind'>): Kind | undefined {
  return allKinds.find((each) => each.kind === kind && each.group === group);
}

/** "weft.dev/v1", "v1". */
export function apiVersionOf({ group, version }: Pick<Kind, 'group' | 'version'>): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The kind of a document; undefined: nobody knows it. */
export function kindOf(apiVersion: string, kind: string): KnownKind | undefined {
  return Object.values(kinds).find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);
}

/** The reference of an object. What is in no namespace is so whatever it says. */
export function objectRef(object: {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): ResourceRef {
  const { apiVersion, kind, name } = object;
  const isOfCluster = kindOf(apiVersion, kind)?.scope === 'Cluster';
  return { group: groupOf(apiVersion), kind, namespace: isOfCluster ? '' : object.namespace, name };
}
