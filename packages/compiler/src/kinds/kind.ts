import type { z } from 'zod';
import type { documentSchema } from '../mesh-directory/manifest-schemas.ts';

/** A kind of resources, as far as all of them are alike. */
export interface Kind {
  /** "weft.dev"; "" for the core group. */
  readonly group: string;
  /** "v1". */
  readonly version: string;
  /** "MeshPolicy". */
  readonly kind: string;
  /** "meshpolicies". */
  readonly plural: string;
  readonly scope: 'Namespaced' | 'Cluster';
  /** Reads a document of it; undefined: manifests have none. */
  readonly read: DocumentReader | undefined;
  /** What of it is watched in a cluster, by the name of the set of objects. Each needs the right to get, list and watch. */
  readonly watches: Readonly<Record<string, Watch>>;
  /**
   * The conditions in its status that say what became of an object; the control plane needs the right to write them. None: it is not
   * ours, and a problem is an Event.
   */
  readonly conditions: readonly ConditionType[];
  /** The kind whose object a cluster has in its place. */
  readonly standsFor?: string;
}

export type ConditionType = 'Accepted' | 'Active';

/** Some objects of a kind, or all. */
export interface Watch {
  /** Only those with this label. */
  readonly label?: string;
}

type Head = z.output<typeof documentSchema>;

/** What a document says, or what is wrong with it. */
export type DocumentReader = (
  value: unknown,
  head: Head,
) => { readonly part: { readonly is: string; readonly read: unknown } } | Wrong;

/** The issues of a document that is wrong. */
export interface Wrong {
  readonly issues: readonly z.core.$ZodIssue[];
}

/** A document that becomes facts of a type of its own, `is`. */
export function factReader<const Is extends string, Schema extends z.ZodType>(is: Is, schema: Schema) {
  return (value: unknown): { readonly part: { readonly is: Is; readonly read: z.output<Schema> } } | Wrong => {
    const { data, error } = schema.safeParse(value);
    return error === undefined ? { part: { is, read: data } } : { issues: error.issues };
  };
}

/** A document that its own front end reads later; it is checked here already, so that one that is wrong keeps its last good form. */
export function resourceReader(schema: z.ZodType) {
  return (value: unknown, head: Head): { readonly part: ResourcePart } | Wrong => {
    const { error } = schema.safeParse(value);
    return error === undefined ? { part: resourcePart(head) } : { issues: error.issues };
  };
}

/** A resource as it was found, unread. */
export interface ResourcePart {
  readonly is: 'other';
  readonly read: { readonly spec: unknown; readonly hasNamespace: boolean; readonly creationTimestamp?: string };
}

/** The part of a document of which nobody knows more. */
export function resourcePart({ spec, metadata: { namespace, creationTimestamp } }: Head): ResourcePart {
  const created = creationTimestamp === undefined ? {} : { creationTimestamp };
  return { is: 'other', read: { spec, hasNamespace: namespace !== undefined, ...created } };
}
