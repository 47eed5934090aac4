import type { WorkloadId } from '../model/mesh.ts';

/** One xDS resource, encoded once and shared by every stream that sends it. */
export interface Resource {
  readonly typeUrl: TypeUrl;
  readonly name: string;
  /** The content hash of `body`. Two resources with the same version are the same bytes. */
  readonly version: string;
  /** The resource's serialized message: the value of its google.protobuf.Any. */
  readonly body: Uint8Array;
}

/** The types that Weft delivers, in the order in which they must arrive. */
export const typeUrls = {
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoints: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
} as const;

export type TypeUrl = (typeof typeUrls)[keyof typeof typeUrls];

/** What one proxy should hold now, by type and name. Parts that did not change are the same objects as before. */
export type Snapshot = ReadonlyMap<TypeUrl, ReadonlyMap<string, Resource>>;

/**
 * What one proxy should hold now. A view is live: it always shows the newest turn, so its user looks resources up in it and never
 * copies it.
 */
export interface View {
  /** The resource of a name; undefined when there is none. */
  get(typeUrl: TypeUrl, name: string): Resource | undefined;
  /** The names of a type that have a resource, each once, in no particular order. To be iterated before the next turn. */
  names(typeUrl: TypeUrl): Iterable<string>;
}

/**
 * Names whose resource is new, replaced or gone, by type. A name that did not change costs a lookup and does no harm.
 * 'everything': any name of any type may have changed.
 */
export type ChangedNames = ReadonlyMap<TypeUrl, Iterable<string>> | 'everything';

/** Proxies whose views changed in the same names. */
export interface ViewChange {
  readonly proxies: Iterable<WorkloadId>;
  readonly names: ChangedNames;
}

/** Where delivery learns what each proxy should hold. */
export interface ViewSource {
  /** Says that a proxy has connected: from now on the source keeps its view up to date and tells of its changes. */
  open(id: WorkloadId): void;
  /** Says that the proxy is no longer connected. Each `open` is followed by one `close` before the next `open`. */
  close(id: WorkloadId): void;
  /**
   * The view of a connected proxy. The source may replace it, but only in a change that names the proxy. Undefined while the source
   * does not know the proxy: it then keeps what it has, whereas an empty view takes everything from it.
   */
  view(id: WorkloadId): View | undefined;
  /**
   * Calls `listener` at the end of each turn that changed the view of a connected proxy, in the same tick, before anyone else can
   * look into a view. A proxy may be in more than one of the changes. They are valid during the call only, so a source may hand
   * out its own sets. Returns a function that ends it.
   *
   * Endpoint changes are urgent: a proxy whose changed names are all endpoints is told ahead of every other one.
   */
  onChange(listener: (changes: readonly ViewChange[]) => void): () => void;
}

/** Whether two resources are the same bytes under the same name. */
export function sameResource(a: Resource, b: Resource): boolean {
  return a === b || (a.version === b.version && a.name === b.name && a.typeUrl === b.typeUrl);
}
