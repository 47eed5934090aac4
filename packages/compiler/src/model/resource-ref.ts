import type { ServiceId, WorkloadId } from './names.ts';
import { partsOfId } from './names.ts';

/** Names a resource everywhere, as Kubernetes does: no code reads a sentence to learn which one is meant. */
export interface ResourceRef {
  /** The API group without a version: "weft.dev"; "" for the core group. */
  readonly group: string;
  /** "MeshPolicy". */
  readonly kind: string;
  /** "" for a resource of no namespace. */
  readonly namespace: string;
  readonly name: string;
}

/** Weft's own API group. */
export const weftGroup = 'weft.dev';

/** The apiVersion of all its kinds. */
export const weftApiVersion = `${weftGroup}/v1`;

/** A resource of Weft's own API group; without a namespace, one of the whole mesh. */
export function weftRef(kind: string, name: string, namespace = ''): ResourceRef {
  return { group: weftGroup, kind, namespace, name };
}

/** The Service behind an id. */
export function serviceRef(id: ServiceId): ResourceRef {
  return { group: '', kind: 'Service', ...partsOfId(id) };
}

/** The replica behind an id. On Kubernetes it is the pod of that name. */
export function workloadRef(id: WorkloadId): ResourceRef {
  return { group: weftGroup, kind: 'Workload', ...partsOfId(id) };
}

/** The API group of an apiVersion: "weft.dev" of "weft.dev/v1", "" of "v1". */
export function groupOf(apiVersion: string): string {
  return apiVersion.slice(0, Math.max(0, apiVersion.indexOf('/')));
}

/** A reference as a key: the same text for the same resource. */
export function refKey({ group, kind, namespace, name }: ResourceRef): string {
  return `${group}/${kind} ${namespace}/${name}`;
}

/** Whether two references name the same resource. */
export function sameRef(a: ResourceRef, b: ResourceRef): boolean {
  return a.name === b.name && a.namespace === b.namespace && a.kind === b.kind && a.group === b.group;
}

/** As people write it: "MeshPolicy bakery/orders", "MeshConfig mesh". */
export function refWords({ kind, namespace, name }: ResourceRef): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}
