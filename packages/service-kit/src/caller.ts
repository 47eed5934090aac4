import type { JsonObject } from '@bufbuild/protobuf';

/** The logical name under which the contract admitted the caller. The callee's sidecar overwrites any incoming value. */
export const callerNameHeader = 'x-weft-caller';

/** The logical name of gateways: a method exposed at the edge admits this caller. */
const edgeName = 'edge';

/** The identity of a caller that a sidecar verified by its certificate. */
interface Identity {
  /** The SPIFFE id: "spiffe://weft.local/ns/bakery/sa/orders". */
  readonly id: string;
  /** The namespace of its pod, or of its manifest on a laptop: "bakery". */
  readonly namespace: string;
  /** Its account in that namespace: "orders". */
  readonly serviceAccount: string;
}

/** A service that the contract names as a caller. */
export interface ServiceCaller extends Identity {
  readonly kind: 'service';
  /** Its logical name in contracts: "bakery.orders". */
  readonly name: string;
}

/** A gateway, on behalf of a client outside the mesh. */
export interface EdgeCaller extends Identity {
  readonly kind: 'edge';
  readonly name: 'edge';
  /** The end user that the edge authenticated. Absent: none, as with every edge today. */
  readonly claims?: JsonObject;
}

/** A workload of the mesh without a single logical name: several services share its account, or its sidecar gave no name. */
export interface WorkloadCaller extends Identity {
  readonly kind: 'workload';
}

/** An unknown caller: the call passed no sidecar, or came in plain text in permissive mode. */
export interface LocalCaller {
  readonly kind: 'local';
  readonly id: 'local';
}

/** The caller, as verified by the callee's own sidecar. Nothing in it comes from what a client claims about itself. */
export type Caller = ServiceCaller | EdgeCaller | WorkloadCaller | LocalCaller;

/** The caller of a call that passed no sidecar. */
export const localCaller: LocalCaller = { kind: 'local', id: 'local' };

/**
 * Reads the caller from two headers that a sidecar sets: the SPIFFE id in Envoy's x-forwarded-client-cert (SANITIZE_SET: only the peer that
 * it verified), and the logical name in {@link callerNameHeader}, which counts only with an id. See
 * https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert.
 */
export function callerOf(forwardedClientCert: string | null | undefined, name: string | null | undefined): Caller {
  const id = forwardedClientCert && /(?:^|[;,])URI="?(spiffe:\/\/[^;,"]+)/i.exec(forwardedClientCert)?.[1];
  if (!id) return localCaller;
  const [, namespace = '', serviceAccount = ''] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(id) ?? [];
  const identity = { id, namespace, serviceAccount };
  if (name === edgeName) return { kind: 'edge', name, ...identity };
  // Envoy joins values with commas if a sidecar without this header lets them through.
  return name && logicalName.test(name) ? { kind: 'service', name, ...identity } : { kind: 'workload', ...identity };
}

/** A proto package without its version, as a contract writes it. */
const logicalName = /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*$/;
