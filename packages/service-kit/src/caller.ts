/** The caller of a call that came past no sidecar. */
export const localCaller = 'local';

/**
 * The SPIFFE id in Envoy's x-forwarded-client-cert, as a sidecar sets it (SANITIZE_SET: the peer that it has verified, and
 * nobody else). "local" without one.
 * See https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#x-forwarded-client-cert.
 */
export function callerOf(forwardedClientCert: string | null): string {
  if (!forwardedClientCert) return localCaller;
  const match = /(?:^|[;,])URI="?(spiffe:\/\/[^;,"]+)/i.exec(forwardedClientCert);
  return match?.[1] ?? localCaller;
}
