import type { JsonObject } from '@bufbuild/protobuf';

/** Set by the callee's sidecar over whatever came under that name: the logical name by which the contract admitted the caller. */
export const callerNameHeader = 'x-weft-caller';

/** The logical name of gateways: what a contract exposes to the edge, it admits under this name. */
const edgeName = 'edge';

/** What a sidecar proved of a caller by its certificate. */
interface Identity {
  /** The SPIFFE id: "spiffe://weft.local/ns/bakery/sa/orders". */
  readonly id: string;
  /** Of its pod, or of its manifest on a laptop: "bakery". */
  readonly namespace: string;
  /** Its account in that namespace: "orders". */
  readonly serviceAccount: string;
}

/** A service that the contract names as a caller. */
export interface ServiceCaller extends Identity {
  readonly kind: 'service';
  /** Its logical name, as contracts write it: "bakery.orders". */
  readonly name: string;
}

/** A gateway, for a client outside of the mesh. */
export interface EdgeCaller extends Identity {
  readonly kind: 'edge';
  readonly name: 'edge';
  /** What the edge has proved of the end user. Absent: it authenticated nobody, as every edge today. */
  readonly claims?: JsonObject;
}

/** A workload of the mesh that no single logical name fits: its account is that of several services, or its sidecar gave no name. */
export interface WorkloadCaller extends Identity {
  readonly kind: 'workload';
}

/** A call that came past no sidecar, or in plain text in permissive mode: nothing is known of its caller. */
export interface LocalCaller {
  readonly kind: 'local';
  readonly id: 'local';
}

/** Who calls, as the callee's own sidecar has proved it. Nothing in it is taken from what a client says of itself. */
export type Caller = ServiceCaller | EdgeCaller | WorkloadCaller | LocalCaller;

/** The caller of a call that came past no sidecar. */
export const localCaller: LocalCaller = { kind: 'local', id: 'local' };

/**
 * The caller in two headers that a sidecar sets: the SPIFFE id in Envoy's x-forwarded-client-cert (SANITIZE_SET: the peer that it has
 * verified, and nobody else), and the logical name in {@link callerNameHeader}, which counts only beside an id.
 * See https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert.
 */
export function callerOf(forwardedClientCert: string | null | undefined, name: string | null | undefined): Caller {
  const id = forwardedClientCert && /(?:^|[;,])URI="?(spiffe:\/\/[^;,"]+)/i.exec(forwardedClientCert)?.[1];
  if (!id) return localCaller;
  const [, namespace = '', serviceAccount = ''] = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(id) ?? [];
  const identity = { id, namespace, serviceAccount };
  if (name === edgeName) return { kind: 'edge', name, ...identity };
  // Envoy separates values that a sidecar without this header would let through.
  return name && logicalName.test(name) ? { kind: 'service', name, ...identity } : { kind: 'workload', ...identity };
}

/** A proto package without its version, as a contract writes it. */
const logicalName = /^[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*$/;
