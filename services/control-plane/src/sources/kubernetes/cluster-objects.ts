import { marks } from '@weft/compiler/pod/marks';
import type { KubernetesObject } from '../../kubernetes/object.ts';

/** What is watched, and what the API server need not know. */
export const watched = {
  services: { apiVersion: 'v1', kind: 'Service', path: '/api/v1/services' },
  namespaces: { apiVersion: 'v1', kind: 'Namespace', path: '/api/v1/namespaces' },
  pods: { apiVersion: 'v1', kind: 'Pod', path: '/api/v1/pods', labelSelector: marks.injected },
  gatewayPods: { apiVersion: 'v1', kind: 'Pod', path: '/api/v1/pods', labelSelector: marks.gateway },
  endpointSlices: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    path: '/apis/discovery.k8s.io/v1/endpointslices',
  },
  contracts: { apiVersion: 'v1', kind: 'ConfigMap', path: '/api/v1/configmaps', labelSelector: marks.contract },
  meshConfigs: ours('MeshConfig', 'meshconfigs'),
  meshPolicies: ours('MeshPolicy', 'meshpolicies'),
  meshOverrides: ours('MeshOverride', 'meshoverrides'),
  gateways: ours('Gateway', 'gateways'),
  externalServices: ours('ExternalService', 'externalservices'),
} as const satisfies Record<string, WatchedKind>;

/** A kind of objects. */
export interface WatchedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly optional?: boolean;
}

export type WatchedName = keyof typeof watched;

/** All objects of each kind by "namespace/name", live. */
export type ClusterObjects = Readonly<Record<WatchedName, ReadonlyMap<string, KubernetesObject>>>;

/** Makes something for every kind that is watched. */
export function forWatched<T>(make: (name: WatchedName) => T): Readonly<Record<WatchedName, T>> {
  return {
    services: make('services'),
    namespaces: make('namespaces'),
    pods: make('pods'),
    gatewayPods: make('gatewayPods'),
    endpointSlices: make('endpointSlices'),
    contracts: make('contracts'),
    meshConfigs: make('meshConfigs'),
    meshPolicies: make('meshPolicies'),
    meshOverrides: make('meshOverrides'),
    gateways: make('gateways'),
    externalServices: make('externalServices'),
  };
}

function ours(kind: string, plural: string): WatchedKind {
  return { apiVersion: 'weft.dev/v1', kind, path: `/apis/weft.dev/v1/${plural}`, optional: true };
}
