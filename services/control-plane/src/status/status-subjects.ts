import { groupOf, type ResourceRef } from '@weft/compiler/model/resource-ref';
import type { WatchedName } from '../sources/kubernetes/cluster-objects.ts';

/** A kind of objects that are told what became of them. */
export interface StatusSubject {
  readonly apiVersion: string;
  readonly kind: string;
  /** Where its conditions are written; absent: it is none of ours, and what is wrong with it is an Event. */
  readonly plural?: string;
}

/** The kinds that are told what became of them, by where their objects are watched. */
export const statusSubjects = {
  meshPolicies: ours('MeshPolicy', 'meshpolicies'),
  meshOverrides: ours('MeshOverride', 'meshoverrides'),
  meshConfigs: ours('MeshConfig', 'meshconfigs'),
  gateways: ours('Gateway', 'gateways'),
  externalServices: ours('ExternalService', 'externalservices'),
  services: { apiVersion: 'v1', kind: 'Service' },
  contracts: { apiVersion: 'v1', kind: 'ConfigMap' },
  pods: { apiVersion: 'v1', kind: 'Pod' },
} as const satisfies Partial<Record<WatchedName, StatusSubject>>;

export type StatusSubjectName = keyof typeof statusSubjects;

/** The names of `statusSubjects`. */
export const statusSubjectNames: readonly StatusSubjectName[] = [
  'meshPolicies',
  'meshOverrides',
  'meshConfigs',
  'gateways',
  'externalServices',
  'services',
  'contracts',
  'pods',
];

/** An object that is told something: where it is watched, and its key there. */
export interface SubjectKey {
  readonly name: StatusSubjectName;
  readonly key: string;
}

/** The object that a reference names; undefined: it is of a kind that is told nothing. A Workload is its pod. */
export function subjectOf({ group, kind, namespace, name: objectName }: ResourceRef): SubjectKey | undefined {
  const name = group === 'weft.dev' && kind === 'Workload' ? 'pods' : names.get(`${group}/${kind}`);
  return name && { name, key: namespace === '' ? objectName : `${namespace}/${objectName}` };
}

const names: ReadonlyMap<string, StatusSubjectName> = new Map(
  statusSubjectNames.map((name) => {
    const { apiVersion, kind } = statusSubjects[name];
    return [`${groupOf(apiVersion)}/${kind}`, name];
  }),
);

function ours(kind: string, plural: string) {
  return { apiVersion: 'weft.dev/v1', kind, plural };
}
