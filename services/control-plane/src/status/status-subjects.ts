import type { Kind } from '@weft/compiler/kinds/kind';
import { allKinds, kindOfRef, type WatchedName, watchesOf } from '@weft/compiler/kinds/registry';
import { type ResourceRef, refKey } from '@weft/compiler/model/resource-ref';

/** An object that is told what became of it: its kind, and its key among the objects that are watched. */
export interface Subject {
  readonly kind: Kind;
  readonly key: string;
}

/** The object that a reference names, or that stands for it in a cluster; undefined: nobody watches such objects. */
export function subjectOf(ref: ResourceRef): Subject | undefined {
  const named = kindOfRef(ref);
  const kind = named?.standsFor ? allKinds.find((each) => each.kind === named.standsFor) : named;
  if (kind === undefined || watchesOf(kind).length === 0) return undefined;
  return { kind, key: ref.namespace === '' ? ref.name : `${ref.namespace}/${ref.name}` };
}

/** An object that is watched under a name. */
export function watchedSubject(name: WatchedName, key: string): Subject | undefined {
  const kind = kinds.get(name);
  return kind && { kind, key };
}

/** The same text for the same object. */
export function subjectId({ kind: { group, kind }, key }: Subject): string {
  return refKey({ group, kind, namespace: '', name: key });
}

/** Whether what is wrong with an object is said by its conditions; else it is an Event. */
export function hasConditions({ conditions }: Kind): boolean {
  return conditions.length > 0;
}

const kinds: ReadonlyMap<WatchedName, Kind> = new Map(
  allKinds.flatMap((kind) => watchesOf(kind).map(([name]) => [name, kind] as const)),
);
