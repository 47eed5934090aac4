import type { Kind } from '@weft/compiler/kinds/kind';
import { allKinds, kindOfRef, watchesOf } from '@weft/compiler/kinds/registry';
import type { ResourceRef } from '@weft/compiler/model/resource-ref';
import type { KubernetesObject } from '../kubernetes/object.ts';
import { type ClusterObjects, forWatched, type WatchedName } from '../sources/kubernetes/cluster-objects.ts';

/** An object that is told what became of it. */
export interface StatusSubject {
  readonly kind: Kind;
  /** "namespace/name", or the name of what is in no namespace. */
  readonly key: string;
}

/** The kinds whose objects say what became of them by conditions, and where their objects are watched. */
export const kindsWithConditions = allKinds
  .filter(({ conditions }) => conditions.length > 0)
  .map((kind) => ({ kind, watches: watchesOf(kind).map(([name]) => name) }));

/** The object that a reference names; undefined: a cluster has none of its kind. A Workload is its pod. */
export function subjectOf(ref: ResourceRef): StatusSubject | undefined {
  const named = kindOfRef(ref);
  const kind = named?.standsFor === undefined ? named : allKinds.find((each) => each.kind === named.standsFor);
  if (kind === undefined || watchesOf(kind).length === 0) return undefined;
  return { kind, key: ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}` };
}

/** The object of a key among those that are watched under a name. */
export function watchedSubject(name: WatchedName, key: string): StatusSubject {
  return { kind: kindOfWatched[name], key };
}

/** The object itself; undefined: it is gone. */
export function objectOf({ kind, key }: StatusSubject, objects: ClusterObjects): KubernetesObject | undefined {
  for (const [name] of watchesOf(kind)) {
    const object = objects[name].get(key);
    if (object) return object;
  }
  return undefined;
}

const kindOfWatched = forWatched((name): Kind => {
  const kind = allKinds.find((each) => name in each.watches);
  if (kind === undefined) throw new Error(`no kind is watched as ${name}`);
  return kind;
});
