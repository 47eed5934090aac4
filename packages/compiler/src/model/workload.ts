import { sameValue } from '@weft/collections';
import type { ServiceId, SpiffeId, WorkloadId } from './names.ts';

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
  /** Where its proxy takes calls from the mesh; for a pod it follows from the Services that select it. */
  readonly inbound: readonly InboundPort[];
  /** Where its proxy takes calls from its application; absent for a gateway. */
  readonly outbound?: OutboundPort;
  /** The gateway that it is a replica of; absent for a sidecar. */
  readonly gateway?: GatewayReplica;
  /** Its place in a network of pods; absent: a process that shares the addresses of its machine. */
  readonly pod?: PodNetwork;
  /** Takes calls. A replica that is going away is not ready from the moment that this is known. */
  readonly ready: boolean;
  /** Why it is not ready, in words for a person. */
  readonly reason?: string;
  readonly locality?: Locality;
}

/**
 * Whether a replica only came, went or changed its readiness: its callers then learn endpoints and nothing else. A side that is
 * undefined has no such replica.
 */
export function isEndpointChange(before: Workload | undefined, after: Workload | undefined): boolean {
  if (before === undefined || after === undefined || before === after) return true;
  const { ready: _, reason: __, ...old } = before;
  const { ready: ___, reason: ____, ...fresh } = after;
  return sameValue(old, fresh);
}

/** A port that this replica serves to the mesh. */
export interface InboundPort {
  /** The address at which callers reach the proxy. */
  readonly listen: SocketAddress;
  /** Where the application listens behind it. */
  readonly application: ApplicationAddress;
  /** The service ports that it is behind, the one that says what is spoken first. Absent: the main port of each of its services. */
  readonly serves?: readonly ServedPort[];
}

/** A port of a service, from a replica's side. */
export interface ServedPort {
  readonly service: ServiceId;
  readonly port: number;
}

/** The port at which a replica serves a service's port; undefined: it does not. */
export function servedAt(
  workload: Workload,
  service: ServiceId,
  port: number,
  isMain: boolean,
): InboundPort | undefined {
  return workload.pod
    ? workload.inbound.find(({ serves }) => serves?.some((each) => each.service === service && each.port === port))
    : isMain
      ? workload.inbound[0]
      : undefined;
}

/** A pod has addresses of its own, and its calls may be redirected without its application's doing. */
export interface PodNetwork {
  /** IPv4, IPv6 or both; the first is that at which callers reach it. */
  readonly addresses: readonly string[];
  /** Whether the kernel redirects its calls to the proxy, or the proxy owns the Services' ports and the application calls it. */
  readonly interception: 'redirect' | 'none';
  /** Where its application listens, if not on 127.0.0.1 at the port that a Service names. */
  readonly application?: ApplicationAddress;
  /** Names of its ports, as a Service may use them. */
  readonly portNames: Readonly<Record<string, number>>;
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
