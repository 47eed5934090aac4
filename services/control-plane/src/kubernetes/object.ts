import { groupOf, type ResourceRef } from '@weft/compiler/model/resource-ref';
import { z } from 'zod';

const text = z.string();
const texts = z.record(z.string(), z.string()).nullish();

/** What every object of Kubernetes has. Everything else is kept as it came. */
export const objectSchema = z.looseObject({
  apiVersion: text.optional(),
  kind: text.optional(),
  metadata: z.looseObject({
    name: text.min(1),
    namespace: text.optional(),
    uid: text.optional(),
    resourceVersion: text.optional(),
    labels: texts,
    annotations: texts,
    creationTimestamp: text.nullish(),
    deletionTimestamp: text.nullish(),
  }),
});

/** An object of the API server. Immutable: a change is another object. */
export type KubernetesObject = z.infer<typeof objectSchema>;

/** "namespace/name", or the name of what is in no namespace. */
export function keyOf({ metadata: { namespace, name } }: KubernetesObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The reference of an object. */
export function refOf({
  apiVersion = '',
  kind = '',
  metadata: { namespace = '', name },
}: KubernetesObject): ResourceRef {
  return { group: groupOf(apiVersion), kind, namespace, name };
}

/** The reference of an object of which only its key (`keyOf`) is known. */
export function refOfKey(apiVersion: string, kind: string, key: string): ResourceRef {
  const slash = key.indexOf('/');
  return { group: groupOf(apiVersion), kind, namespace: key.slice(0, Math.max(0, slash)), name: key.slice(slash + 1) };
}

/** A page of a list. */
export const listSchema = z.looseObject({
  kind: text.optional(),
  apiVersion: text.optional(),
  metadata: z.looseObject({ resourceVersion: text.optional(), continue: text.optional() }),
  items: z.array(z.unknown()).nullish(),
});

/** An event of a watch. */
export const eventSchema = z.looseObject({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.looseObject({}),
});
