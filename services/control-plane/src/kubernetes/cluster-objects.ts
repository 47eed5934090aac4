import { allKinds, apiVersionOf, type WatchedName, watchesOf } from '@weft/compiler/kinds/registry';
import { weftGroup } from '@weft/compiler/model/resource-ref';
import type { KubernetesObject } from './object.ts';

export type { WatchedName } from '@weft/compiler/kinds/registry';

/** A kind of objects. */
export interface WatchedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly path: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** The API server need not know it. */
  readonly optional?: boolean;
}

const all = allKinds.flatMap((kind) =>
  watchesOf(kind).map(([name, { label }]): [WatchedName, WatchedKind] => {
    const apiVersion = apiVersionOf(kind);
    const base = kind.group === '' ? '/api' : '/apis';
    return [
      name,
      {
        apiVersion,
        kind: kind.kind,
        path: `${base}/${apiVersion}/${kind.plural}`,
        ...(label === undefined ? {} : { labelSelector: label }),
        ...(kind.group === weftGroup ? { optional: true } : {}),
      },
    ];
  }),
);

/** The name of every set of objects that is watched. */
export const watchedNames: readonly WatchedName[] = all.map(([name]) => name);

/** What is watched: every set of objects that a kind names. */
export const watched = forWatched((_, kind) => kind);

/** All objects of each kind by "namespace/name", live. */
export type ClusterObjects = Readonly<Record<WatchedName, ReadonlyMap<string, KubernetesObject>>>;

/** Makes something for every set of objects that is watched. */
export function forWatched<T>(make: (name: WatchedName, kind: WatchedKind) => T): Readonly<Record<WatchedName, T>> {
  // All names are there; a record that is made of entries has forgotten it.
  return Object.fromEntries(all.map(([name, kind]) => [name, make(name, kind)])) as Record<WatchedName, T>;
}
