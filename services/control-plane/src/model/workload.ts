import type { SpiffeId, WorkloadId } from './mesh.ts';

/** A replica and the proxy beside it: a pod on Kubernetes, a process on a laptop. */
export interface Workload {
  readonly id: WorkloadId;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly spiffeId: SpiffeId;
  /**
   * The content hash of the contract version that holds for it: the one that it runs or, while that is not understood, the last
   * good one of its service. Absent: it has no contract.
   */
  readonly contractHash?: string;
  /** Where its proxy takes calls from the mesh, for each port of its services by the port's number. */
  readonly inbound: readonly InboundPort[];
  /** Where its proxy takes calls from its application; absent for a gateway. */
  readonly outbound?: OutboundPort;
  /** The gateway that it is a replica of; absent for a sidecar. */
  readonly gateway?: GatewayReplica;
  /** Takes calls. A replica that is going away is not ready from the moment that this is known. */
  readonly ready: boolean;
  /** Why it is not ready, in words for a person. */
  readonly reason?: string;
  readonly locality?: Locality;
}

/** One port of a service as this replica serves it. */
export interface InboundPort {
  /** The address at which callers reach the proxy. */
  readonly listen: SocketAddress;
  /** Where the application listens behind it. */
  readonly application: ApplicationAddress;
}

/** The proxy's listener for its own application. */
export interface OutboundPort {
  readonly listen: SocketAddress;
}

/** This replica's part in a gateway. */
export interface GatewayReplica {
  readonly name: string;
  readonly listen: SocketAddress;
}

export interface SocketAddress {
  /** An IP address. */
  readonly host: string;
  readonly port: number;
}

/** A TCP address, or a unix socket that only the proxy can reach. */
export type ApplicationAddress = SocketAddress | { readonly unixSocket: string };

/** Where a replica runs; nearer ones may be preferred. */
export interface Locality {
  readonly region?: string;
  readonly zone?: string;
}
