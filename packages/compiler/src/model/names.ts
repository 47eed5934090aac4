/** `namespace/name` of a service. The same name in two namespaces is two services. */
export type ServiceId = `${string}/${string}`;

/** `namespace/name` of a replica: a pod, or a process on a laptop. */
export type WorkloadId = `${string}/${string}`;

/** `namespace/hash` of a contract version: the same descriptor set in two namespaces is published twice. */
export type ContractKey = `${string}/${string}`;

/** A caller or callee as contracts name it: a proto package without its version ("bakery.orders"), or "edge". */
export type LogicalName = string;

/** The caller name that stands for the edge gateway; no proto package can be called so. */
export const edgeName: LogicalName = 'edge';

/** A SPIFFE ID: `spiffe://<trust domain>/ns/<namespace>/sa/<service account>`. */
export type SpiffeId = `spiffe://${string}`;

/** Whether the name of a caller is its SPIFFE ID, since its account has no logical name of its own. */
export function isSpiffeId(caller: LogicalName): caller is SpiffeId {
  return caller.startsWith('spiffe://');
}

/** Takes an id apart. A namespace has no slash. */
export function partsOfId(id: ServiceId | WorkloadId): { readonly namespace: string; readonly name: string } {
  const slash = id.indexOf('/');
  return { namespace: id.slice(0, slash), name: id.slice(slash + 1) };
}

/** A key of a collection as the id that it is: "namespace/name". */
export function idOf(key: string): `${string}/${string}` {
  const slash = key.indexOf('/');
  return `${key.slice(0, slash)}/${key.slice(slash + 1)}`;
}

/** The label of a document in a mesh directory that gives way to any other document of its name, where its value is "true". */
export const defaultLabel = 'weft.dev/default';
