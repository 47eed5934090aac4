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

/** A reference as a key: the same text for the same resource. */
export function refKey({ group, kind, namespace, name }: ResourceRef): string {
  return `${group}/${kind} ${namespace}/${name}`;
}

/** As people write it: "MeshPolicy shop/orders", "MeshConfig mesh". */
export function refWords({ kind, namespace, name }: ResourceRef): string {
  return `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;
}
