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
